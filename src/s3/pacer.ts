/**
 * Slows down all requests to a bucket while its server throttles. Each throttled answer doubles the
 * distance between the starts of requests, each good one shortens it by a twentieth.
 */
import type { Clock } from "../base/clock.ts";

const FIRST_GAP_MS = 10;
const GAP_MS_MAX = 1_000;
const GAP_MS_MIN = 1;
/** Requests under way together are throttled together: that is one reason to slow down, not many. */
const ONE_REASON_MS = 250;

export class Pacer {
  readonly #clock: Clock;
  #gapMs = 0;
  /** When the next request may start. */
  #nextMs = 0;
  #lastThrottleMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The distance between the starts of two requests; 0 when nothing is throttled. */
  get gapMs(): number {
    return this.#gapMs;
  }

  /** Waits until one more request may start; rejects with the signal's reason when it fires first. */
  async turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const startMs = Math.max(nowMs, this.#nextMs);
    this.#nextMs = startMs + this.#gapMs;
    if (startMs > nowMs) await this.#clock.sleep(startMs - nowMs, signal);
  }

  /** The server said to slow down, and perhaps for how long to send nothing. */
  throttled(pauseMs: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#nextMs = Math.max(this.#nextMs, nowMs + pauseMs);
    if (nowMs - this.#lastThrottleMs < ONE_REASON_MS) return;
    this.#lastThrottleMs = nowMs;
    this.#gapMs = Math.min(GAP_MS_MAX, Math.max(FIRST_GAP_MS, 2 * this.#gapMs));
  }

  /** A request was answered well. */
  succeeded(): void {
    if (this.#gapMs === 0) return;
    this.#gapMs *= 0.95;
    if (this.#gapMs < GAP_MS_MIN) this.#gapMs = 0;
  }
}
