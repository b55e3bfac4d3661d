/**
 * A bucket in memory: the reference for what the contract means, and the double under the rooms
 * above. Counts calls; `hook` runs before each call takes effect and may delay or fail it.
 */
import { createHash } from "node:crypto";
import { type ByteRange, rangeSize } from "../../base/byte_range.ts";
import {
  InvalidKeyError,
  NotFoundError,
  PreconditionFailedError,
  StoreError,
  type StoreErrorDetails,
} from "../errors.ts";
import { compareKeys, keyProblem } from "../key_encoding.ts";
import type {
  CompletedPart,
  CopyOptions,
  CopySource,
  DeleteFailure,
  GetOptions,
  ListOptions,
  ListPage,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
  WriteCondition,
} from "../object_store.ts";
import { listSorted } from "./_list_sorted.ts";

/** The methods of `ObjectStore`. */
export type StoreMethod = Exclude<keyof ObjectStore, "bucket">;

export interface StoreCall {
  readonly method: StoreMethod;
  /** Absent for `list` and `deleteMany`. */
  readonly key?: string;
}

export interface MemoryStoreOptions {
  readonly bucket?: string;
  /** Runs before each call; what it throws is the call's failure. */
  readonly hook?: (call: StoreCall, signal: AbortSignal) => Promise<void> | void;
  /** The least size of all parts but the last; 5 MiB as in S3 by default. */
  readonly partBytesMin?: number;
  readonly nowMs?: () => number;
}

interface StoredObject {
  readonly info: ObjectInfo;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Upload {
  readonly key: string;
  readonly options: PutOptions;
  readonly parts: Map<number, Uint8Array<ArrayBuffer>>;
}

const PART_BYTES_MIN = 5 * 2 ** 20;

export class MemoryStore implements ObjectStore {
  readonly bucket: string;
  /** How often each method was called. */
  readonly counts: Record<StoreMethod, number> = {
    list: 0,
    head: 0,
    get: 0,
    put: 0,
    copy: 0,
    delete: 0,
    deleteMany: 0,
    createMultipart: 0,
    uploadPart: 0,
    uploadPartCopy: 0,
    completeMultipart: 0,
    abortMultipart: 0,
  };
  /** May be replaced at any time. */
  hook: MemoryStoreOptions["hook"];
  readonly #partBytesMin: number;
  readonly #nowMs: () => number;
  readonly #objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, Upload>();
  #lastUpload = 0;
  /** The keys in order; undefined while they have to be sorted anew. */
  #sortedKeys: string[] | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.bucket = options.bucket ?? "memory";
    this.hook = options.hook;
    this.#partBytesMin = options.partBytesMin ?? PART_BYTES_MIN;
    this.#nowMs = options.nowMs ?? (() => 0);
  }

  /** Uploads begun and neither completed nor aborted. */
  get openUploads(): number {
    return this.#uploads.size;
  }

  async list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    await this.#enter("list", undefined, signal);
    this.#sortedKeys ??= [...this.#objects.keys()].sort(compareKeys);
    return listSorted(this.#sortedKeys, options, (key) => {
      const { contentType: _, metadata: __, ...info } = this.#objects.get(key)!.info;
      return info;
    });
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    await this.#enter("head", key, signal);
    return this.#find("HeadObject", key).info;
  }

  async get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    await this.#enter("get", key, signal);
    const object = this.#find("GetObject", key);
    if (options.ifMatch !== undefined && options.ifMatch !== object.info.etag) {
      throw this.#refused("GetObject", key);
    }
    const { range } = options;
    if (range !== undefined && (range.start >= object.info.size || rangeSize(range) <= 0)) {
      const details = { status: 416, code: "InvalidRange" };
      throw new StoreError("there are no such bytes", this.#details("GetObject", key, details));
    }
    return new MemoryBody(object.info, object.bytes.slice(range?.start, range?.end), signal);
  }

  async put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    await this.#enter("put", key, signal);
    this.#checkCondition("PutObject", key, options);
    return this.#store(key, body.slice(), options, `"${md5(body)}"`);
  }

  async copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    await this.#enter("copy", key, signal);
    const object = this.#source("CopyObject", source);
    this.#checkCondition("CopyObject", key, options);
    const { info } = object;
    const properties: PutOptions = options.replace ?? {
      metadata: info.metadata ?? {},
      ...(info.contentType === undefined ? {} : { contentType: info.contentType }),
    };
    const { storageClass } = options;
    const classed = storageClass === undefined ? properties : { ...properties, storageClass };
    return this.#store(key, object.bytes, classed, `"${md5(object.bytes)}"`);
  }

  async delete(key: string, signal: AbortSignal): Promise<void> {
    await this.#enter("delete", key, signal);
    this.#remove(key);
  }

  async deleteMany(keys: readonly string[], signal: AbortSignal): Promise<DeleteFailure[]> {
    await this.#enter("deleteMany", undefined, signal);
    for (const key of keys) this.#remove(key);
    return [];
  }

  async createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string> {
    await this.#enter("createMultipart", key, signal);
    const id = `upload-${++this.#lastUpload}`;
    this.#uploads.set(id, { key, options, parts: new Map() });
    return id;
  }

  async uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    await this.#enter("uploadPart", key, signal);
    this.#upload("UploadPart", key, uploadId).parts.set(partNumber, body.slice());
    return { partNumber, etag: `"${md5(body)}"` };
  }

  async uploadPartCopy(
    key: string,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    await this.#enter("uploadPartCopy", key, signal);
    const upload = this.#upload("UploadPartCopy", key, uploadId);
    const bytes = this.#source("UploadPartCopy", source).bytes.slice(range.start, range.end);
    upload.parts.set(partNumber, bytes);
    return { partNumber, etag: `"${md5(bytes)}"` };
  }

  async completeMultipart(
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    signal: AbortSignal,
  ): Promise<PutResult> {
    await this.#enter("completeMultipart", key, signal);
    const operation = "CompleteMultipartUpload";
    const upload = this.#upload(operation, key, uploadId);
    this.#checkCondition(operation, key, condition);
    const sorted = [...parts].sort((a, b) => a.partNumber - b.partNumber);
    const hash = createHash("md5");
    const bodies = sorted.map((part, index) => {
      const body = upload.parts.get(part.partNumber);
      if (body === undefined || part.etag !== `"${md5(body)}"`) {
        throw this.#invalid(operation, key, "InvalidPart");
      }
      if (index < sorted.length - 1 && body.byteLength < this.#partBytesMin) {
        throw this.#invalid(operation, key, "EntityTooSmall");
      }
      hash.update(md5(body), "hex");
      return body;
    });
    this.#uploads.delete(uploadId);
    const etag = `"${hash.digest("hex")}-${bodies.length}"`;
    return this.#store(key, concatenate(bodies), upload.options, etag);
  }

  async abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    await this.#enter("abortMultipart", key, signal);
    this.#uploads.delete(uploadId);
  }

  async #enter(method: StoreMethod, key: string | undefined, signal: AbortSignal): Promise<void> {
    this.counts[method]++;
    const problem = key === undefined ? undefined : keyProblem(key);
    if (problem !== undefined) throw new InvalidKeyError(problem, this.#details(method, key ?? ""));
    await this.hook?.(key === undefined ? { method } : { method, key }, signal);
    signal.throwIfAborted();
  }

  #store(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    etag: string,
  ): PutResult {
    if (!this.#objects.has(key)) this.#sortedKeys = undefined;
    this.#objects.set(key, {
      bytes,
      info: {
        key,
        size: bytes.byteLength,
        etag,
        // Whole seconds, as in HTTP headers.
        lastModifiedMs: Math.floor(this.#nowMs() / 1000) * 1000,
        storageClass: options.storageClass ?? "STANDARD",
        contentType: options.contentType ?? "application/octet-stream",
        metadata: options.metadata ?? {},
      },
    });
    return { etag };
  }

  #remove(key: string): void {
    if (this.#objects.delete(key)) this.#sortedKeys = undefined;
  }

  #find(operation: string, key: string): StoredObject {
    const object = this.#objects.get(key);
    if (object !== undefined) return object;
    const details = this.#details(operation, key, { status: 404, code: "NoSuchKey" });
    throw new NotFoundError("there is no such object", details);
  }

  #source(operation: string, source: CopySource): StoredObject {
    const object = this.#find(operation, source.key);
    if (source.ifMatch === undefined || source.ifMatch === object.info.etag) return object;
    throw this.#refused(operation, source.key);
  }

  #upload(operation: string, key: string, uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (upload?.key === key) return upload;
    const details = this.#details(operation, key, { status: 404, code: "NoSuchUpload" });
    throw new NotFoundError("there is no such upload", details);
  }

  #checkCondition(operation: string, key: string, condition: WriteCondition): void {
    const etag = this.#objects.get(key)?.info.etag;
    const holds = (condition.ifMatch === undefined || condition.ifMatch === etag) &&
      (condition.ifNoneMatch === undefined || etag === undefined);
    if (!holds) throw this.#refused(operation, key);
  }

  #refused(operation: string, key: string): PreconditionFailedError {
    const details = this.#details(operation, key, { status: 412, code: "PreconditionFailed" });
    return new PreconditionFailedError("the condition does not hold", details);
  }

  #invalid(operation: string, key: string, code: string): StoreError {
    return new StoreError(
      "the parts are wrong",
      this.#details(operation, key, { status: 400, code }),
    );
  }

  #details(
    operation: string,
    key: string,
    answer: { readonly status?: number; readonly code?: string } = {},
  ): StoreErrorDetails {
    return { operation, bucket: this.bucket, key, ...answer };
  }
}

class MemoryBody implements ObjectBody {
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

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.byteLength;
  }
  return whole;
}
