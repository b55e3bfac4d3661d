/**
 * Memory for large buffers of one size, cut from few large pieces. For V8 each ArrayBuffer that is made
 * is a reason to collect garbage: with one for each buffer a cold read of 1 GiB spent a fifth of its
 * time on looking through 13 MiB of objects, twenty times.
 *
 * A piece that is given back has no memory until it is taken and used again (on Linux; elsewhere it
 * keeps what it has).
 */
import { allocatePages, discardPages } from "../ffi/pages.ts";

/** Of addresses, not of memory. */
const SLAB_BYTES = 128 * 2 ** 20;

export class Slabs {
  readonly pieceBytes: number;
  /** The one used last at the end. */
  readonly #free: Uint8Array<ArrayBuffer>[] = [];

  /** `pieceBytes` is a multiple of `PAGE_BYTES_MAX`. */
  constructor(pieceBytes: number) {
    this.pieceBytes = pieceBytes;
    // The first one now, so that it is not the first read that waits for V8.
    this.#grow();
  }

  /** A piece of any content. */
  take(): Uint8Array<ArrayBuffer> {
    if (this.#free.length === 0) this.#grow();
    return this.#free.pop()!;
  }

  /** Gives back a piece that nobody uses any more. */
  give(piece: Uint8Array<ArrayBuffer>): void {
    discardPages(piece);
    this.#free.push(piece);
  }

  #grow(): void {
    const slab = allocatePages(SLAB_BYTES);
    for (let at = SLAB_BYTES - this.pieceBytes; at >= 0; at -= this.pieceBytes) {
      this.#free.push(slab.subarray(at, at + this.pieceBytes));
    }
  }
}
