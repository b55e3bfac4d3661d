/**
 * A request body that is sent piece by piece from the caller's memory, and tells how far it is.
 *
 * `fetch` copies a plain Uint8Array as a whole, twice, and says nothing until the answer comes; a
 * ReadableStream has no known length, so it would be sent chunked, which S3 refuses. A Blob has both
 * a length and a stream, so this is one whose stream is ours. Measured with 8 MiB bodies: 1.6 against
 * 0.9 GB/s, with no growth of memory against 30-250 MB.
 */
import type { Clock } from "../base/clock.ts";
import type { Pace } from "./http_exchange.ts";

const PIECE_BYTES_MIN = 64 * 1024;
const PIECE_BYTES_MAX = 1024 * 1024;
/** A piece that was taken faster than this is followed by one twice as large. */
const FAST_MS = 100;
/** And after a slower one than this they begin small again, so that progress shows in time. */
const SLOW_MS = 1000;

export interface RequestBodyOptions {
  readonly clock: Clock;
  /** Absent: as fast as it is taken. */
  readonly pace: Pace | undefined;
  /** Ends waiting for the pace. */
  readonly signal: AbortSignal;
  /** Called when a piece was taken. */
  readonly onProgress: (isAllTaken: boolean) => void;
}

export class RequestBody extends Blob {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #options: RequestBodyOptions;

  /** `bytes` must not change until the answer came. */
  constructor(bytes: Uint8Array<ArrayBuffer>, options: RequestBodyOptions) {
    super();
    this.#bytes = bytes;
    this.#options = options;
  }

  override get size(): number {
    return this.#bytes.byteLength;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const bytes = this.#bytes;
    const { clock, pace, signal, onProgress } = this.#options;
    let sent = 0;
    let piece = PIECE_BYTES_MIN;
    let lastMs = clock.monotonicMs();
    return new ReadableStream({
      pull: async (controller) => {
        const nowMs = clock.monotonicMs();
        if (nowMs - lastMs > SLOW_MS) piece = PIECE_BYTES_MIN;
        else if (nowMs - lastMs < FAST_MS) piece = Math.min(PIECE_BYTES_MAX, 2 * piece);
        let size = Math.min(piece, bytes.byteLength - sent);
        if (pace !== undefined) size = await pace.next(size, signal);
        lastMs = clock.monotonicMs();
        controller.enqueue(bytes.subarray(sent, sent + size));
        sent += size;
        const isAllTaken = sent === bytes.byteLength;
        if (isAllTaken) controller.close();
        onProgress(isAllTaken);
      },
    }, { highWaterMark: 0 });
  }
}
