/**
 * Puts the content of a staging file into S3: one PUT, or from 16 MiB on a parallel multipart upload,
 * in which what is as in the base is taken over from there by the server.
 */
import { isDeepStrictEqual } from "node:util";
import { type ByteRange, rangeSize } from "../base/byte_range.ts";
import { LinkedSignal } from "../base/linked_signal.ts";
import type { MemoryBudget, Reservation } from "../base/memory_budget.ts";
import { SignedOutError, StoreError, UnsupportedError } from "../s3/errors.ts";
import { type DonePart, uploadInParts } from "../s3/multipart_upload.ts";
import { md5OfBody } from "../s3/payload_hash.ts";
import type { CopySource, ObjectStore, PutOptions, PutResult } from "../s3/object_store.ts";
import { type PlannedPart, planParts } from "../s3/part_plan.ts";
import type { ReadBase } from "./read_base.ts";
import type { StagingFile } from "./staging_file.ts";

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
  /** The multipart upload that it was made by, if any. */
  readonly uploadId?: string;
  /**
   * False: it has the properties (metadata, content type, ...) that were asked for when an earlier
   * attempt began the upload, and these are others by now.
   */
  readonly hasProperties: boolean;
}

/** The file was changed while it was uploaded: the object would be neither the old nor the new content. */
export class FileChangedError extends Error {
  override readonly name = "FileChangedError";
}

/** A multipart upload of the server, and what its object is to be made of. */
export interface BegunUpload {
  readonly uploadId: string;
  /** None while the file's size is not known: see `partBytes`. */
  readonly parts: readonly PlannedPart[];
  /** It was begun while the file was being written, with parts of this size. */
  readonly partBytes?: number;
  /** Where copied parts come from; absent when there are none. */
  readonly copySource?: CopySource;
  /** What its object will have besides its bytes: that is settled when it is begun. */
  readonly properties: PutOptions;
}

/** A multipart upload that is under way, with all that is needed to go on with it after a restart. */
export interface UploadProgress extends BegunUpload {
  readonly done: readonly DonePart[];
}

export interface Upload {
  readonly staged: StagingFile;
  readonly key: string;
  /** Awaited when what is to be read of the base is on its way: its answer may tell what they are. */
  readonly options: () => Promise<PutOptions>;
  readonly readBase: ReadBase;
  /**
   * Awaited when bytes of the base were brought here, before the object takes the base's place: if the
   * program ends in between, they cannot be had any more.
   */
  readonly onComplete: () => Promise<void>;
  /** Awaited before a PUT: the ETag that the object will have where an ETag is an MD5. */
  readonly beforePut: (etag: string) => Promise<void>;
  /** True when what is being uploaded is not wanted any more: then nothing is written. */
  readonly isStale: () => boolean;
  /** Gone on with if the copy source is still the same. */
  readonly resume?: UploadProgress;
  /** Awaited when it is gone on with, and its object is to be made of other parts than was said. */
  readonly onPlanned: (parts: readonly PlannedPart[]) => Promise<void>;
  /** Awaited before a multipart upload is begun on the server. */
  readonly beforeCreate: () => Promise<void>;
  /** Awaited when a multipart upload has begun. */
  readonly onCreated: (upload: BegunUpload) => Promise<void>;
  /** Called for each part that arrived; what it promises is awaited before an object is made of them. */
  readonly onPart: (part: DonePart) => unknown;
}

interface PartBuffer {
  readonly memory: ArrayBuffer;
  readonly reservation: Reservation;
}

export class Uploader {
  readonly #store: ObjectStore;
  readonly #budget: MemoryBudget;
  /** The generation of the staging file that a part was read in. Of parts that this run has sent. */
  readonly #generations = new WeakMap<DonePart, number>();
  /** Buffers of `sendPart`: fresh memory costs half as much again as what is read into it. */
  readonly #spare: PartBuffer[] = [];
  #copiesParts = true;

  constructor(store: ObjectStore, budget: MemoryBudget) {
    this.#store = store;
    this.#budget = budget;
    budget.addReclaimer(() => this.dropBuffers());
  }

  /** Parts of one file that are sent at a time. */
  get partsAtOnce(): number {
    const affordable = Math.floor(this.#budget.limitBytes / BUDGET_PER_PART);
    return Math.max(1, Math.min(PARTS_AT_ONCE, affordable));
  }

  /**
   * Sends a part of a file that may still be written to: what is in `range` now, all of which is present.
   * Which upload it is for, and as what of it, is the caller's matter until `upload` goes on with it.
   */
  async sendPart(
    staged: StagingFile,
    upload: { readonly key: string; readonly uploadId: string },
    partNumber: number,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<DonePart> {
    const buffer = await this.#buffer(rangeSize(range), signal);
    try {
      const body = new Uint8Array(buffer.memory);
      const { generation } = staged;
      await staged.readMuch(body, range.start);
      const { key, uploadId } = upload;
      const sent = await this.#store.uploadPart(key, uploadId, partNumber, body, signal);
      const part = { ...sent, range };
      this.#generations.set(part, generation);
      return part;
    } finally {
      this.#spare.push(buffer);
      this.#budget.serveWaiters();
    }
  }

  /** Frees the memory that `sendPart` keeps for the next parts: they will not come soon. */
  dropBuffers(): void {
    for (const { memory, reservation } of this.#spare.splice(0)) {
      memory.transfer(0);
      reservation.release();
    }
  }

  async #buffer(size: number, signal: AbortSignal): Promise<PartBuffer> {
    const at = this.#spare.findIndex(({ memory }) => memory.byteLength === size);
    if (at >= 0) return this.#spare.splice(at, 1)[0]!;
    const reservation = await this.#budget.reserve(size, signal);
    return { memory: new ArrayBuffer(size), reservation };
  }

  /** Uploads what the file holds. Throws `StoreError`, `SystemError` or `FileChangedError`. */
  async upload(upload: Upload, signal: AbortSignal): Promise<Uploaded> {
    const { size, base } = upload.staged;
    if (size < MULTIPART_MIN) return await this.#put(upload, signal);
    const partBytes = upload.resume?.partBytes;
    if (this.#copiesParts && base !== undefined) {
      try {
        const inherited = upload.staged.inherited();
        return await this.#inParts(upload, planParts(size, inherited, partBytes), signal);
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        this.#copiesParts = false;
      }
    }
    return await this.#inParts(upload, planParts(size, [], partBytes), signal);
  }

  async #put(upload: Upload, signal: AbortSignal): Promise<Uploaded> {
    const { staged, key, readBase } = upload;
    if (!staged.complete) {
      // First of all, while no memory is held: fetching needs memory too.
      await staged.fetchBase(readBase, signal);
      await upload.onComplete();
    }
    const options = await upload.options();
    const { size } = staged;
    const reservation = await this.#budget.reserve(size, signal);
    const body = new Uint8Array(size);
    try {
      checkCurrent(upload);
      // At once: what is written meanwhile is all in it or not at all.
      if (staged.readPresent(body, 0) < size) throw changed(upload);
      await upload.beforePut(`"${await md5OfBody(body)}"`);
      checkCurrent(upload);
      const result = await this.#store.put(key, body, options, signal);
      return { ...result, size, hasProperties: true };
    } finally {
      body.buffer.transfer(0);
      reservation.release();
    }
  }

  async #inParts(
    upload: Upload,
    parts: readonly PlannedPart[],
    signal: AbortSignal,
  ): Promise<Uploaded> {
    using linked = new LinkedSignal(signal);
    const lacking = this.#fetchLacking(upload, parts, linked.signal);
    // Who needs it hears of a failure.
    lacking.catch(() => {});
    try {
      return await this.#sendParts(upload, parts, lacking, signal);
    } finally {
      linked.abort(new DOMException("The upload is over", "AbortError"));
      // Nothing is written to the file by an upload that is over.
      await lacking.catch(() => {});
    }
  }

  /** Brings what parts with data lack of the base. */
  async #fetchLacking(
    { staged, readBase }: Upload,
    parts: readonly PlannedPart[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const { range, from } of parts) {
      if (from === "data") await staged.fetchBase(readBase, signal, range);
    }
  }

  /** `readable`: until then parts are copied, but none are read. */
  async #sendParts(
    upload: Upload,
    parts: readonly PlannedPart[],
    readable: Promise<void>,
    signal: AbortSignal,
  ): Promise<Uploaded> {
    const { staged, key, resume } = upload;
    const { size } = staged;
    const options = await upload.options();
    const copySource = copySourceOf(upload, parts);
    const properties = propertiesOf(options);
    const isResumable = resume !== undefined && isSameSource(resume.copySource, copySource);
    if (isResumable && !isSamePlan(resume.parts, parts)) await upload.onPlanned(parts);
    let made: BegunUpload | undefined = isResumable ? resume : undefined;
    /** By the start of each part that was read. */
    const generations = new Map<number, number>();
    const result = await uploadInParts(
      this.#store,
      key,
      {
        size,
        parts,
        budget: this.#budget,
        concurrency: this.partsAtOnce,
        readable,
        readPart: async (range: ByteRange, target: Uint8Array<ArrayBuffer>) => {
          checkCurrent(upload);
          generations.set(range.start, staged.generation);
          const got = await staged.readMuch(target, range.start);
          if (got < target.byteLength) throw changed(upload);
        },
        isCurrent: (part) => {
          const generation = this.#generations.get(part);
          return generation !== undefined && staged.isUnchanged(part.range, generation);
        },
        ...(copySource === undefined ? {} : { copySource }),
        ...(isResumable ? { resume } : {}),
        beforeCreate: upload.beforeCreate,
        onCreated: (uploadId) => {
          const source = copySource === undefined ? {} : { copySource };
          made = { uploadId, parts, ...source, properties };
          return upload.onCreated(made);
        },
        onPart: (part) => {
          const generation = generations.get(part.range.start);
          if (generation !== undefined) this.#generations.set(part, generation);
          return upload.onPart(part);
        },
        beforeComplete: () => checkCurrent(upload),
        keepParts: (error) => signal.aborted || keepsParts(error),
      },
      options,
      signal,
    );
    return {
      ...result,
      size,
      uploadId: made!.uploadId,
      hasProperties: isDeepStrictEqual(made!.properties, properties),
    };
  }
}

/** True when an upload that failed so can be gone on with: its parts stay on the server. */
export function keepsParts(error: unknown): boolean {
  return error instanceof FileChangedError || error instanceof SignedOutError ||
    (error instanceof StoreError && error.retryable);
}

function checkCurrent(upload: Upload): void {
  if (upload.isStale()) throw changed(upload);
}

function changed({ key }: Upload): FileChangedError {
  return new FileChangedError(`"${key}" was changed during its upload`);
}

function copySourceOf(
  { staged: { base } }: Upload,
  parts: readonly PlannedPart[],
): CopySource | undefined {
  if (base === undefined || !parts.some(({ from }) => from === "copy")) return undefined;
  return { key: base.key, ifMatch: base.etag };
}

function propertiesOf({ ifMatch: _, ifNoneMatch: __, ...properties }: PutOptions): PutOptions {
  return properties;
}

/** Copied parts are trusted: nothing else tells what is in them. */
function isSameSource(a: CopySource | undefined, b: CopySource | undefined): boolean {
  return a?.key === b?.key && a?.ifMatch === b?.ifMatch;
}

function isSamePlan(a: readonly PlannedPart[], b: readonly PlannedPart[]): boolean {
  return a.length === b.length && a.every((part, index) => {
    const other = b[index]!;
    return part.from === other.from && part.range.start === other.range.start &&
      rangeSize(part.range) === rangeSize(other.range);
  });
}
