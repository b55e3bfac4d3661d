import { type Clock, systemClock } from "../../src/base/clock.ts";

/** A clock that runs faster than the real one: minutes of an outage take seconds, with real connections. */
export class QuickClock implements Clock {
  readonly #rate: number;
  readonly #startMs = performance.now();
  readonly #wallMs = Date.now();
  /** Wall time minus monotonic time, beyond what it was at the start. */
  #jumpedMs = 0;

  constructor(rate: number) {
    this.#rate = rate;
  }

  nowMs(): number {
    return this.#wallMs + this.monotonicMs() + this.#jumpedMs;
  }

  monotonicMs(): number {
    return (performance.now() - this.#startMs) * this.#rate;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms / this.#rate, signal);
  }

  /** Moves the wall clock alone, as sleep does. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  /** How long `ms` are in real time. */
  realMs(ms: number): number {
    return ms / this.#rate;
  }

  /** Resolves with how long it took until `condition` holds; throws after `limitMs`. */
  async until(what: string, limitMs: number, condition: () => boolean): Promise<number> {
    const startMs = this.monotonicMs();
    while (!condition()) {
      const passedMs = this.monotonicMs() - startMs;
      if (passedMs > limitMs) throw new Error(`Waited ${limitMs / 1000} s in vain until ${what}`);
      await systemClock.sleep(2);
    }
    return this.monotonicMs() - startMs;
  }
}
