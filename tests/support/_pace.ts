/** A bandwidth limit. */
import { systemClock } from "../../src/base/clock.ts";

const SLICE_BYTES_MAX = 256 * 1024;

/** Lets bytes through at a rate. */
export class Pace {
  readonly #bytesPerSecond: () => number | undefined;
  readonly #signal: AbortSignal;
  #dueMs = 0;

  constructor(bytesPerSecond: () => number | undefined, signal: AbortSignal) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#signal = signal;
  }

  /** The same bytes in slices, each given when it is due. */
  async *slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
    const rate = this.#bytesPerSecond();
    if (rate === undefined) return yield bytes;
    // 20 ms of data at a time: short enough to be smooth, long enough for timers of 1 ms.
    const size = Math.max(1024, Math.min(SLICE_BYTES_MAX, Math.floor(rate / 50)));
    for (let at = 0; at < bytes.length; at += size) {
      const slice = bytes.subarray(at, at + size);
      const nowMs = systemClock.monotonicMs();
      this.#dueMs = Math.max(nowMs, this.#dueMs) + (slice.length / rate) * 1000;
      if (this.#dueMs > nowMs) await systemClock.sleep(this.#dueMs - nowMs, this.#signal);
      yield slice;
    }
  }
}
