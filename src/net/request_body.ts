/**
 * A request body that is sent piece by piece from the caller's memory, and tells how far it is.
 *
 * `fetch` copies a plain Uint8Array as a whole, twice, and says nothing until the answer comes; a
 * ReadableStream has no known length, so it would be sent chunked, which S3 refuses. A Blob has both
 * a length and a stream, so this is one whose stream is ours. Measured with 8 MiB bodies: 1.6 against
 * 0.9 GB/s, with no growth of memory against 30-250 MB.
 */
import type { Clock } from "../base/clock.ts";

const PIECE_BYTES_MIN = 64 * 1024;
const PIECE_BYTES_MAX = 1024 * 1024;
/** A piece that was taken faster than this is followed by one twice as large. */
const FAST_MS = 100;
/** And after a slower one than this they begin small again, so that progress shows in time. */
const SLOW_MS = 1000;

export class RequestBody extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #clock: Clock;
  readonly #onProgress: (isAllTaken: boolean) => void;

  /** `bytes` must not change until the answer came. `onProgress` is called when a piece was taken. */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    clock: Clock,
    onProgress: (isAllTaken: boolean) => void,
  ) {
    super();
    this.#bytes = bytes;
    this.#clock = clock;
    this.#onProgress = onProgress;
  }

  override get size(): number {
    return this.#bytes.byteLength;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const bytes = this.#bytes;
    let sent = 0;
    let piece = PIECE_BYTES_MIN;
    let lastMs = this.#clock.monotonicMs();
    return new ReadableStream({
      pull: (controller) => {
        const nowMs = this.#clock.monotonicMs();
        if (nowMs - lastMs > SLOW_MS) piece = PIECE_BYTES_MIN;
        else if (nowMs - lastMs < FAST_MS) piece = Math.min(PIECE_BYTES_MAX, 2 * piece);
        lastMs = nowMs;
        controller.enqueue(bytes.subarray(sent, sent + piece));
        sent = Math.min(bytes.byteLength, sent + piece);
        const isAllTaken = sent === bytes.byteLength;
        if (isAllTaken) controller.close();
        this.#onProgress(isAllTaken);
      },
    }, { highWaterMark: 0 });
  }
}
