/**
 * The buffers of blocks. Those of dropped blocks are used again: garbage of this size would pile up
 * faster than it is collected. Not before the next turn of the event loop, though, until when whoever
 * was given the bytes has used them.
 *
 * Invariant: kept for use are never more buffers than blocks whose memory is reserved but not yet made.
 */
import { giveWay } from "../base/clock.ts";

/** Buffers that somebody is about to fill. */
export interface ExpectedBuffers {
  /** One of them; its content is anything. */
  take(bytes: number): Uint8Array<ArrayBuffer>;
  /** One that was taken and not used. */
  putBack(buffer: Uint8Array<ArrayBuffer>): void;
  /** No more will be taken. */
  end(): void;
}

export class BlockBuffers {
  readonly #size: number;
  readonly #spare: ArrayBuffer[] = [];
  /** Reserved and not yet taken. */
  #expected = 0;
  /** Given back in this turn of the event loop. */
  #dropped: ArrayBuffer[] = [];

  /** `size` is that of a whole block. */
  constructor(size: number) {
    this.#size = size;
  }

  /** So many buffers will be taken soon, whose memory is reserved. */
  expect(count: number): ExpectedBuffers {
    this.#expected += count;
    let left = count;
    return {
      take: (bytes) => {
        left--;
        this.#expected--;
        const spare = bytes === this.#size ? this.#spare.pop() : undefined;
        return spare === undefined ? new Uint8Array(bytes) : new Uint8Array(spare);
      },
      putBack: ({ buffer }) => {
        left++;
        this.#expected++;
        if (buffer.byteLength === this.#size) this.#spare.push(buffer);
      },
      end: () => {
        this.#expected -= left;
        left = 0;
        this.#trim();
      },
    };
  }

  /** Gives a buffer back that may still be read in this turn of the event loop. */
  give(buffer: ArrayBuffer): void {
    this.#dropped.push(buffer);
    if (this.#dropped.length === 1) void giveWay().then(() => this.#keepDropped());
  }

  #keepDropped(): void {
    for (const buffer of this.#dropped) {
      if (buffer.byteLength === this.#size) this.#spare.push(buffer);
      else buffer.transfer(0);
    }
    this.#dropped = [];
    this.#trim();
  }

  #trim(): void {
    // Transferred to nothing, which frees at once what the garbage collector would leave for later.
    while (this.#spare.length > this.#expected) this.#spare.pop()!.transfer(0);
  }
}
