/** Puts the content of a staging file into S3: one PUT, or from 16 MiB on a parallel multipart upload. */
import type { ByteRange } from "../base/byte_range.ts";
import type { MemoryBudget } from "../base/memory_budget.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { ObjectStore, PutOptions, PutResult } from "../s3/object_store.ts";
import { uploadInParts } from "../s3/multipart_upload.ts";
import type { ReadBase, StagingFile } from "./staging_file.ts";

/** Objects of this size and more are uploaded in parts. */
export const MULTIPART_MIN = 16 * 2 ** 20;

/** Parts of one object under way at a time, where memory allows. */
const PARTS_AT_ONCE = 6;
/** So much of the memory budget for each of them, to leave the most of it to what is being read. */
const BUDGET_PER_PART = 32 * 2 ** 20;

/** What is in S3 now. */
export interface Uploaded extends PutResult {
  /** In bytes. */
  readonly size: number;
}

/** The file was cut while it was uploaded: what was read would not be its content. */
export class FileChangedError extends Error {
  override readonly name = "FileChangedError";
}

export class Uploader {
  readonly #store: ObjectStore;
  readonly #budget: MemoryBudget;
  readonly #slots: Semaphore;

  /** `slots` bounds the uploads under way in all mounts together. */
  constructor(store: ObjectStore, budget: MemoryBudget, slots: Semaphore) {
    this.#store = store;
    this.#budget = budget;
    this.#slots = slots;
  }

  /**
   * Uploads what `staged` holds as `key`. Throws `StoreError`, `SystemError`, or `FileChangedError`
   * when the file became shorter meanwhile. Bytes written meanwhile may or may not be in the object:
   * the caller compares the file's generation.
   */
  async upload(
    staged: StagingFile,
    key: string,
    options: PutOptions,
    readBase: ReadBase,
    signal: AbortSignal,
  ): Promise<Uploaded> {
    const release = await this.#slots.acquire(signal);
    try {
      // First of all, while no memory is held: fetching needs memory too.
      await staged.fetchBase(readBase, signal);
      const { size } = staged;
      const fill = (target: Uint8Array<ArrayBuffer>, offset: number) => {
        const count = staged.readPresent(target, offset);
        if (count < target.byteLength) throw new FileChangedError(`"${key}" was cut during upload`);
      };
      if (size >= MULTIPART_MIN) {
        const parts = {
          size,
          budget: this.#budget,
          concurrency: Math.max(
            1,
            Math.min(PARTS_AT_ONCE, Math.floor(this.#budget.limitBytes / BUDGET_PER_PART)),
          ),
          readPart: (range: ByteRange, target: Uint8Array<ArrayBuffer>) => {
            fill(target, range.start);
            return Promise.resolve();
          },
        };
        return { ...await uploadInParts(this.#store, key, parts, options, signal), size };
      }
      const reservation = await this.#budget.reserve(size, signal);
      const body = new Uint8Array(size);
      try {
        fill(body, 0);
        return { ...await this.#store.put(key, body, options, signal), size };
      } finally {
        body.buffer.transfer(0);
        reservation.release();
      }
    } finally {
      release();
    }
  }
}
