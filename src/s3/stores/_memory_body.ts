/** A body that is in memory. */
import type { ObjectBody, ObjectInfo } from "../object_store.ts";

export class MemoryBody implements ObjectBody {
  readonly info: ObjectInfo;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #signal: AbortSignal;
  #offset = 0;

  constructor(info: ObjectInfo, bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) {
    this.info = info;
    this.#bytes = bytes;
    this.#signal = signal;
  }

  read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    const piece = this.#bytes.subarray(this.#offset, this.#offset + target.byteLength);
    this.#offset += piece.byteLength;
    // Detached as a body from the network does it, so that no test relies on the old view.
    const isWhole = target.byteLength === target.buffer.byteLength;
    const view = isWhole ? new Uint8Array(target.buffer.transfer()) : target;
    view.set(piece);
    return Promise.resolve(view.subarray(0, piece.byteLength));
  }

  cancel(): Promise<void> {
    this.#offset = this.#bytes.byteLength;
    return Promise.resolve();
  }
}
