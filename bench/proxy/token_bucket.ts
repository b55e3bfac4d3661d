/** The bandwidth of one connection in one direction. Time is given in, so that tests can drive it. */

/** Fewer bytes are not worth waking up for; at 60 MB/s this is a millisecond. */
const QUANTUM_BYTES = 64 * 1024;
/** What a connection that was quiet may send at once. */
const IDLE_BYTES_MAX = 128 * 1024;
/** What a busy connection may catch up when the process woke up late. */
const BUSY_BYTES_MAX = 1024 * 1024;

export class TokenBucket {
  readonly #bytesPerMs: number;
  #tokens = IDLE_BYTES_MAX;
  #filledMs: number;

  /** `bytesPerSecond` may be Infinity. */
  constructor(bytesPerSecond: number, nowMs: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#filledMs = nowMs;
  }

  /** Bytes that may pass now: none until there are enough to be worth it. */
  available(nowMs: number): number {
    if (this.#bytesPerMs === Infinity) return Infinity;
    const filled = this.#tokens + (nowMs - this.#filledMs) * this.#bytesPerMs;
    this.#tokens = Math.min(BUSY_BYTES_MAX, filled);
    this.#filledMs = nowMs;
    return this.#tokens >= QUANTUM_BYTES ? Math.floor(this.#tokens) : 0;
  }

  /** When `available` is not 0 any more. */
  readyMs(nowMs: number): number {
    if (this.available(nowMs) > 0) return nowMs;
    return nowMs + (QUANTUM_BYTES - this.#tokens) / this.#bytesPerMs;
  }

  take(bytes: number): void {
    if (this.#bytesPerMs !== Infinity) this.#tokens -= bytes;
  }

  /** Nothing is there to be sent: the line's free time is not saved up. */
  rest(): void {
    this.#tokens = Math.min(IDLE_BYTES_MAX, this.#tokens);
  }
}
