import type { Clock } from "../../src/base/clock.ts";

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #ms: number;
  /** Wall time minus monotonic time. */
  #jumpedMs = 0;
  readonly #sleepers = new Set<Sleeper>();
  /** Set to make every sleep end at once, moving the clock by its length. */
  isHasty = false;

  constructor(startMs = 0) {
    this.#ms = startMs;
  }

  nowMs(): number {
    return this.#ms + this.#jumpedMs;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  /** Those who sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.isHasty) {
      this.#ms += ms;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const sleeper: Sleeper = {
        untilMs: this.#ms + ms,
        wake: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Moves the wall clock alone, as sleep does, or (below 0) somebody who sets it back. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  /** Moves the clock, wakes whoever is due in order, and lets what follows from it happen. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#ms + ms;
    for (;;) {
      const due = [...this.#sleepers].filter((sleeper) => sleeper.untilMs <= targetMs)
        .sort((a, b) => a.untilMs - b.untilMs)[0];
      if (due === undefined) break;
      this.#sleepers.delete(due);
      this.#ms = Math.max(this.#ms, due.untilMs);
      due.wake();
      await settle();
    }
    this.#ms = targetMs;
    await settle();
  }
}

/** Lets all promises that are ready run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
