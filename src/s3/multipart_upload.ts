/**
 * A large object in parallel parts, by a plan (part_plan.ts).
 *
 * Each of the workers reserves the memory of one part when it comes to the first part with data, then
 * reads and uploads parts from that buffer until none is left. A worker that waits for memory gets
 * that of the one before it at the latest, so a tight budget makes the upload slower and never stops
 * it while one part fits.
 *
 * An upload can be resumed after a restart of the program: the parts stay on the server, and of each
 * the MD5 of its bytes is known, so that a part whose bytes have changed since is sent again.
 */
import { type ByteRange, rangeSize } from "../base/byte_range.ts";
import type { MemoryBudget, Reservation } from "../base/memory_budget.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { NotFoundError } from "./errors.ts";
import { multipartEtag } from "./multipart_etag.ts";
import type {
  CompletedPart,
  CopySource,
  ObjectStore,
  PutOptions,
  PutResult,
} from "./object_store.ts";
import type { PlannedPart } from "./part_plan.ts";
import { md5OfBody } from "./payload_hash.ts";

/** A part that the server has. */
export interface DonePart extends CompletedPart {
  /** Of the object. */
  readonly range: ByteRange;
  /** The server has taken it over from another object. */
  readonly isCopy?: true;
}

export interface MultipartUpload {
  /** In bytes, at least 1. */
  readonly size: number;
  /** From the first byte to the last. */
  readonly parts: readonly PlannedPart[];
  /** Fills `target` with the bytes of `range`, which has its size. Called for parts with data only. */
  readonly readPart: (
    range: ByteRange,
    target: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Where copied parts come from; required when there are any. */
  readonly copySource?: CopySource;
  readonly budget: MemoryBudget;
  /** Parts under way at a time. */
  readonly concurrency: number;
  /** Called with the size of each part that has arrived, or had before. */
  readonly onPartDone?: (bytes: number) => void;
  /**
   * An upload begun earlier with the same copy source: parts with the same range, whose bytes still have
   * the same MD5, are not sent again. When the server does not know it any more, another one is begun.
   */
  readonly resume?: { readonly uploadId: string; readonly done: readonly DonePart[] };
  /** True: that part, which was sent, certainly has the bytes of now. They are not read again. */
  readonly isCurrent?: (part: DonePart) => boolean;
  /** Awaited before an upload is begun on the server. */
  readonly beforeCreate?: () => Promise<void>;
  /** Awaited before the first part is sent, unless the upload is resumed. */
  readonly onCreated?: (uploadId: string) => Promise<void>;
  /** What parts with data wait for before they take memory. */
  readonly readable?: Promise<void>;
  /**
   * Called for each part that was sent. What it promises (never a rejection) delays no other part, and
   * is awaited before the object is made of them.
   */
  readonly onPart?: (part: DonePart) => unknown;
  /** Called right before the object is made of the parts; throws to give up. */
  readonly beforeComplete?: () => void;
  /** After a failure: true leaves the parts on the server, to be resumed. Default: they are removed. */
  readonly keepParts?: (error: unknown) => boolean;
}

/**
 * Uploads an object part by part. Conditions in `options` are checked when it is completed.
 *
 * `PreconditionFailedError` with `what` "source": the object to copy from has changed or is gone.
 * `UnsupportedError` of "UploadPartCopy": the endpoint copies no parts, so all must be data.
 */
export async function uploadInParts(
  store: ObjectStore,
  key: string,
  upload: MultipartUpload,
  options: PutOptions,
  signal: AbortSignal,
): Promise<PutResult> {
  const { parts, size, resume } = upload;
  if (parts.length === 0 || parts.at(-1)!.range.end !== size) {
    throw new RangeError(`Cannot upload "${key}": the parts do not make up its ${size} bytes`);
  }
  if (resume !== undefined) {
    const run = new Run(store, key, resume.uploadId, upload, options);
    try {
      return await run.finish(resume.done, signal);
    } catch (error) {
      if (!isUnknownUpload(error)) throw await run.failed(error);
      const made = await run.madeBefore(signal);
      if (made !== undefined) return made;
    }
  }
  await upload.beforeCreate?.();
  const uploadId = await store.createMultipart(key, options, signal);
  const run = new Run(store, key, uploadId, upload, options);
  try {
    await upload.onCreated?.(uploadId);
    return await run.finish([], signal);
  } catch (error) {
    throw await run.failed(error);
  }
}

/** True for the error of an upload that was completed, aborted or expired. */
export function isUnknownUpload(error: unknown): boolean {
  return error instanceof NotFoundError && error.details.code === "NoSuchUpload";
}

/** Those of the parts that fit into a plan, by their numbers. */
export function partsOfPlan(
  done: readonly DonePart[],
  plan: readonly PlannedPart[],
): Map<number, DonePart> {
  const fitting = done.filter(({ partNumber, range, isCopy }) => {
    const planned = plan[partNumber - 1];
    return planned !== undefined && planned.range.start === range.start &&
      planned.range.end === range.end && (planned.from === "copy") === (isCopy === true);
  });
  return new Map(fitting.map((part) => [part.partNumber, part]));
}

/** The work on one upload of the server. */
class Run {
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #uploadId: string;
  readonly #upload: MultipartUpload;
  readonly #options: PutOptions;
  /** By index in the plan. */
  readonly #done = new Map<number, CompletedPart>();
  #noted: Promise<unknown> = Promise.resolve();

  constructor(
    store: ObjectStore,
    key: string,
    uploadId: string,
    upload: MultipartUpload,
    options: PutOptions,
  ) {
    this.#store = store;
    this.#key = key;
    this.#uploadId = uploadId;
    this.#upload = upload;
    this.#options = options;
  }

  async finish(before: readonly DonePart[], signal: AbortSignal): Promise<PutResult> {
    await this.#sendParts(before, signal);
    await this.#noted;
    this.#upload.beforeComplete?.();
    return await this.#store.completeMultipart(
      this.#key,
      this.#uploadId,
      this.#completed(),
      this.#options,
      signal,
    );
  }

  /** Removes the parts unless they are to be kept; returns `error`. */
  async failed(error: unknown): Promise<unknown> {
    if (this.#upload.keepParts?.(error) === true) return error;
    // Not with the caller's signal, which may be why we are here. Parts that stay cost money.
    const { signal } = new AbortController();
    await this.#store.abortMultipart(this.#key, this.#uploadId, signal).catch(() => {});
    return error;
  }

  /** The object, if it is what completing these very parts has made, before its answer was lost. */
  async madeBefore(signal: AbortSignal): Promise<PutResult | undefined> {
    if (this.#done.size < this.#upload.parts.length) return undefined;
    try {
      const { etag, versionId } = await this.#store.head(this.#key, signal);
      if (etag !== multipartEtag(this.#completed())) return undefined;
      return { etag, ...(versionId === undefined ? {} : { versionId }) };
    } catch (error) {
      if (error instanceof NotFoundError) return undefined;
      throw error;
    }
  }

  #completed(): CompletedPart[] {
    return [...this.#done.values()].sort((a, b) => a.partNumber - b.partNumber)
      .map(({ partNumber, etag }) => ({ partNumber, etag }));
  }

  async #sendParts(before: readonly DonePart[], signal: AbortSignal): Promise<void> {
    const { parts, concurrency } = this.#upload;
    const known = partsOfPlan(before, parts);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    let next = 0;
    const work = async (): Promise<void> => {
      using memory = new PartMemory(this.#upload);
      try {
        while (next < parts.length) {
          const index = next++;
          await this.#bring(index, known.get(index + 1), memory, either);
        }
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    };
    const workers = Array.from({ length: Math.min(concurrency, parts.length) }, work);
    const results = await Promise.allSettled(workers);
    signal.throwIfAborted();
    if (failed.signal.aborted) throw failed.signal.reason;
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** Sees to it that the server has the part. */
  async #bring(
    index: number,
    known: DonePart | undefined,
    memory: PartMemory,
    signal: AbortSignal,
  ): Promise<void> {
    const { parts, isCurrent, onPart, onPartDone } = this.#upload;
    const { range, from } = parts[index]!;
    const isThere = known !== undefined && (from === "copy" || isCurrent?.(known) === true);
    const part = isThere
      ? known
      : from === "copy"
      ? await this.#copy(index, range, signal)
      : await this.#send(index, range, known, memory, signal);
    this.#done.set(index, part);
    if (part !== known) this.#noted = Promise.all([this.#noted, onPart?.(part)]);
    onPartDone?.(rangeSize(range));
  }

  async #copy(index: number, range: ByteRange, signal: AbortSignal): Promise<DonePart> {
    const { copySource } = this.#upload;
    if (copySource === undefined) throw new TypeError("Cannot copy parts: no source was given");
    const id = this.#uploadId;
    const number = index + 1;
    return {
      ...await this.#store.uploadPartCopy(this.#key, id, number, copySource, range, signal),
      range,
      isCopy: true,
    };
  }

  async #send(
    index: number,
    range: ByteRange,
    known: DonePart | undefined,
    memory: PartMemory,
    signal: AbortSignal,
  ): Promise<DonePart> {
    // Who holds memory does not wait for what needs memory too.
    await untilAborted(this.#upload.readable ?? Promise.resolve(), signal);
    const target = await memory.view(rangeSize(range), signal);
    await this.#upload.readPart(range, target, signal);
    if (known?.md5 !== undefined && known.md5 === await md5OfBody(target)) return known;
    const sent = await this.#store.uploadPart(
      this.#key,
      this.#uploadId,
      index + 1,
      target,
      signal,
    );
    return { ...sent, range };
  }
}

/** One worker's buffer, reserved before it is allocated. */
class PartMemory {
  readonly #budget: MemoryBudget;
  readonly #bytes: number;
  #held: { readonly reservation: Reservation; readonly buffer: ArrayBuffer } | undefined;

  constructor({ budget, parts }: MultipartUpload) {
    this.#budget = budget;
    const sizes = parts.filter(({ from }) => from === "data").map(({ range }) => rangeSize(range));
    this.#bytes = sizes.reduce((largest, size) => Math.max(largest, size), 0);
  }

  /** The first `size` bytes, which may hold those of an earlier part. */
  async view(size: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#held === undefined) {
      const reservation = await this.#budget.reserve(this.#bytes, signal);
      this.#held = { reservation, buffer: new ArrayBuffer(this.#bytes) };
    }
    return new Uint8Array(this.#held.buffer, 0, size);
  }

  [Symbol.dispose](): void {
    // Freed at once: what waits for the garbage collector is in nobody's budget.
    this.#held?.buffer.transfer(0);
    this.#held?.reservation.release();
    this.#held = undefined;
  }
}
