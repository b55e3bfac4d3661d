/**
 * The buffers of blocks. Those of dropped blocks are used again: garbage of this size would pile up
 * faster than it is collected. Not before the next turn of the event loop, though, until when whoever
 * was given the bytes has used them.
 *
 * Invariant: kept for use are never more buffers than blocks whose memory is reserved but not yet made.
 */
import { giveWay } from "../base/clock.ts";
import type { Slabs } from "./slabs.ts";

/** Buffers that somebody is about to fill. */
export interface ExpectedBuffers {
  /** One of them; its content is anything. */
  take(bytes: number): Uint8Array<ArrayBuffer>;
  /** One that was taken and not used, and that nobody will write to any more. */
  putBack(buffer: Uint8Array<ArrayBuffer>): void;
  /** No more will be taken. */
  end(): void;
}

export class BlockBuffers {
  readonly #slabs: Slabs;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  /** Reserved and not yet taken. */
  #expected = 0;
  /** Given back in this turn of the event loop. */
  #dropped: Uint8Array<ArrayBuffer>[] = [];

  /** Whole blocks lie in `slabs`. */
  constructor(slabs: Slabs) {
    this.#slabs = slabs;
  }

  /** So many buffers will be taken soon, whose memory is reserved. */
  expect(count: number): ExpectedBuffers {
    this.#expected += count;
    let left = count;
    return {
      take: (bytes) => {
        left--;
        this.#expected--;
        if (bytes !== this.#slabs.pieceBytes) return new Uint8Array(bytes);
        return this.#spare.pop() ?? this.#slabs.take();
      },
      putBack: (buffer) => {
        left++;
        this.#expected++;
        this.#keep(buffer);
      },
      end: () => {
        this.#expected -= left;
        left = 0;
        this.#trim();
      },
    };
  }

  /** Gives a buffer back that may still be read in this turn of the event loop. */
  give(buffer: Uint8Array<ArrayBuffer>): void {
    this.#dropped.push(buffer);
    if (this.#dropped.length === 1) void giveWay().then(() => this.#keepDropped());
  }

  #keep(buffer: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === this.#slabs.pieceBytes) this.#spare.push(buffer);
    // Transferred to nothing, which frees at once what the garbage collector would leave for later.
    else if (!buffer.buffer.detached) buffer.buffer.transfer(0);
  }

  #keepDropped(): void {
    for (const buffer of this.#dropped) this.#keep(buffer);
    this.#dropped = [];
    this.#trim();
  }

  #trim(): void {
    while (this.#spare.length > this.#expected) this.#slabs.give(this.#spare.pop()!);
  }
}
