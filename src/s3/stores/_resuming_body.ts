/** A body that goes on with another GET where the connection broke. */
import { StoreError } from "../errors.ts";
import type { GetOptions, ObjectBody, ObjectInfo } from "../object_store.ts";

/** What comes after a break is read in pieces of this size, so that a poor line still makes way. */
const PIECE_BYTES = 64 * 1024;

export interface Resumption {
  /**
   * Opens the rest and reads its first piece, repeating both as long as that is worth it; progress
   * starts the count anew. Rejects with `failure` when there is no more budget for repeating.
   */
  reopen(
    options: GetOptions,
    failure: StoreError,
    readFirst: (body: ObjectBody) => Promise<Uint8Array<ArrayBuffer>>,
  ): Promise<{ readonly body: ObjectBody; readonly piece: Uint8Array<ArrayBuffer> }>;
}

export class ResumingBody implements ObjectBody {
  readonly info: ObjectInfo;
  readonly #resumption: Resumption;
  readonly #signal: AbortSignal;
  #current: ObjectBody;
  /** Offsets in the object of the next byte, and of the end. */
  #offset: number;
  readonly #end: number;
  #isCancelled = false;

  constructor(
    first: ObjectBody,
    options: GetOptions,
    resumption: Resumption,
    signal: AbortSignal,
  ) {
    this.info = first.info;
    this.#current = first;
    this.#resumption = resumption;
    this.#signal = signal;
    this.#offset = options.range?.start ?? 0;
    this.#end = Math.min(options.range?.end ?? Infinity, first.info.size);
  }

  async read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
    const { buffer, byteOffset, byteLength } = target;
    try {
      const filled = await this.#current.read(target);
      this.#offset += filled.byteLength;
      return filled;
    } catch (error) {
      const failure = this.#passing(error);
      // A read that fails takes a buffer that it was given whole with it.
      const again = buffer.detached
        ? new Uint8Array(byteLength)
        : new Uint8Array(buffer, byteOffset, byteLength);
      return await this.#readOn(again, failure);
    }
  }

  cancel(): Promise<void> {
    this.#isCancelled = true;
    return this.#current.cancel();
  }

  /** Fills `target` from the current offset, after `failure`. */
  async #readOn(
    target: Uint8Array<ArrayBuffer>,
    failure: StoreError | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    let filled = 0;
    while (filled < target.byteLength && this.#offset < this.#end) {
      const size = Math.min(PIECE_BYTES, target.byteLength - filled, this.#end - this.#offset);
      try {
        const piece = failure === undefined
          ? await this.#current.read(new Uint8Array(size))
          : await this.#reopen(size, failure);
        failure = undefined;
        target.set(piece, filled);
        filled += piece.byteLength;
        this.#offset += piece.byteLength;
      } catch (error) {
        if (failure !== undefined) throw error;
        failure = this.#passing(error);
      }
    }
    return target.subarray(0, filled);
  }

  async #reopen(size: number, failure: StoreError): Promise<Uint8Array<ArrayBuffer>> {
    const { body, piece } = await this.#resumption.reopen(
      {
        range: { start: this.#offset, end: this.#end },
        ...(this.info.etag === "" ? {} : { ifMatch: this.info.etag }),
      },
      failure,
      (body) => body.read(new Uint8Array(size)),
    );
    this.#current = body;
    if (this.#isCancelled) await body.cancel();
    return piece;
  }

  /** The error if another GET may help; else throws it. */
  #passing(error: unknown): StoreError {
    if (this.#isCancelled || this.#signal.aborted) throw error;
    if (!(error instanceof StoreError) || !error.retryable) throw error;
    return error;
  }
}
