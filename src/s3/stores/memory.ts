/**
 * A bucket in memory: the reference for what the contract means, and the double under the rooms
 * above. Counts calls; `hook` runs before each call takes effect and may delay or fail it, `answerHook`
 * afterwards, as when an answer is late or lost.
 */
import { createHash } from "node:crypto";
import { type ByteRange, rangeSize } from "../../base/byte_range.ts";
import {
  type ConditionSubject,
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
  DeleteCondition,
  DeleteFailure,
  DeleteTarget,
  GetOptions,
  ListMultipartOptions,
  ListOptions,
  ListPage,
  MultipartPage,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  OpenUpload,
  PutOptions,
  PutResult,
  Tags,
  WriteCondition,
} from "../object_store.ts";
import { multipartEtag } from "../multipart_etag.ts";
import { listSorted } from "./_list_sorted.ts";
import { listUploads } from "./_list_uploads.ts";
import { MemoryBody } from "./_memory_body.ts";

/** The methods of `ObjectStore`. */
export type StoreMethod = Exclude<keyof ObjectStore, "bucket">;

export interface StoreCall {
  readonly method: StoreMethod;
  /** Absent for `list`, `deleteMany` and `listMultipart`. */
  readonly key?: string;
}

export type StoreHook = (call: StoreCall, signal: AbortSignal) => Promise<void> | void;

export interface MemoryStoreOptions {
  readonly bucket?: string;
  /** Runs before each call; what it throws is the call's failure. */
  readonly hook?: StoreHook;
  /** Runs after each call took effect; what it throws takes the place of its result. */
  readonly answerHook?: StoreHook;
  /** The least size of all parts but the last; 5 MiB as in S3 by default. */
  readonly partBytesMin?: number;
  readonly nowMs?: () => number;
}

interface StoredObject {
  readonly info: ObjectInfo;
  readonly tags: Tags;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Upload {
  readonly open: OpenUpload;
  readonly options: PutOptions;
  readonly parts: Map<number, Uint8Array<ArrayBuffer>>;
}

const PART_BYTES_MIN = 5 * 2 ** 20;
const REFUSED = "the condition does not hold";

export class MemoryStore implements ObjectStore {
  readonly bucket: string;
  /** How often each method was called. */
  readonly counts: Record<StoreMethod, number> = {
    list: 0,
    head: 0,
    get: 0,
    put: 0,
    copy: 0,
    tags: 0,
    delete: 0,
    deleteMany: 0,
    createMultipart: 0,
    uploadPart: 0,
    uploadPartCopy: 0,
    completeMultipart: 0,
    abortMultipart: 0,
    listMultipart: 0,
  };
  /** Both may be replaced at any time. */
  hook: StoreHook | undefined;
  answerHook: StoreHook | undefined;
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
    this.answerHook = options.answerHook;
    this.#partBytesMin = options.partBytesMin ?? PART_BYTES_MIN;
    this.#nowMs = options.nowMs ?? (() => 0);
  }

  /** Uploads begun and neither completed nor aborted. */
  get openUploads(): number {
    return this.#uploads.size;
  }

  list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    return this.#run({ method: "list" }, signal, () => {
      this.#sortedKeys ??= [...this.#objects.keys()].sort(compareKeys);
      return listSorted(this.#sortedKeys, options, (key) => {
        const { contentType: _, metadata: __, tagCount: ___, ...info } = this.#objects.get(key)!
          .info;
        return info;
      });
    });
  }

  head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    return this.#run({ method: "head", key }, signal, () => this.#find("HeadObject", key).info);
  }

  get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    return this.#run({ method: "get", key }, signal, () => {
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
    });
  }

  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#run({ method: "put", key }, signal, () => {
      this.#checkCondition("PutObject", key, options);
      return this.#store(key, body.slice(), options, md5Etag(body));
    });
  }

  copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#run({ method: "copy", key }, signal, () => {
      const { info, tags, bytes } = this.#source("CopyObject", source);
      this.#checkCondition("CopyObject", key, options);
      const properties: PutOptions = options.replace ?? {
        metadata: info.metadata ?? {},
        ...(info.contentType === undefined ? {} : { contentType: info.contentType }),
      };
      const { storageClass } = options;
      const classed = storageClass === undefined ? properties : { ...properties, storageClass };
      return this.#store(key, bytes, { ...classed, tags }, md5Etag(bytes));
    });
  }

  tags(key: string, signal: AbortSignal): Promise<Tags> {
    return this.#run({ method: "tags", key }, signal, () => this.#find("GetTags", key).tags);
  }

  delete(key: string, signal: AbortSignal, condition: DeleteCondition = {}): Promise<void> {
    return this.#run({ method: "delete", key }, signal, () => {
      if (!this.#mayDelete({ key, ...condition })) throw this.#refused("DeleteObject", key);
      this.#remove(key);
    });
  }

  deleteMany(
    targets: readonly (string | DeleteTarget)[],
    signal: AbortSignal,
  ): Promise<DeleteFailure[]> {
    return this.#run({ method: "deleteMany" }, signal, () => {
      const failures: DeleteFailure[] = [];
      for (const given of targets) {
        const target = typeof given === "string" ? { key: given } : given;
        if (this.#mayDelete(target)) this.#remove(target.key);
        else failures.push({ key: target.key, code: "PreconditionFailed", message: REFUSED });
      }
      return failures;
    });
  }

  createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string> {
    return this.#run({ method: "createMultipart", key }, signal, () => {
      const uploadId = `upload-${++this.#lastUpload}`;
      const open = { key, uploadId, initiatedMs: this.#nowMs() };
      this.#uploads.set(uploadId, { open, options, parts: new Map() });
      return uploadId;
    });
  }

  uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    return this.#run({ method: "uploadPart", key }, signal, () => {
      this.#upload("UploadPart", key, uploadId).parts.set(partNumber, body.slice());
      const etag = md5Etag(body);
      return { partNumber, etag, md5: etag.slice(1, -1) };
    });
  }

  uploadPartCopy(
    key: string,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    return this.#run({ method: "uploadPartCopy", key }, signal, () => {
      const upload = this.#upload("UploadPartCopy", key, uploadId);
      const bytes = this.#source("UploadPartCopy", source).bytes.slice(range.start, range.end);
      upload.parts.set(partNumber, bytes);
      return { partNumber, etag: md5Etag(bytes) };
    });
  }

  completeMultipart(
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#run({ method: "completeMultipart", key }, signal, () => {
      const operation = "CompleteMultipartUpload";
      const upload = this.#upload(operation, key, uploadId);
      this.#checkCondition(operation, key, condition);
      const sorted = [...parts].sort((a, b) => a.partNumber - b.partNumber);
      const bodies = sorted.map((part, index) => {
        const body = upload.parts.get(part.partNumber);
        if (body === undefined || part.etag !== md5Etag(body)) {
          throw this.#invalid(operation, key, "InvalidPart");
        }
        if (index < sorted.length - 1 && body.byteLength < this.#partBytesMin) {
          throw this.#invalid(operation, key, "EntityTooSmall");
        }
        return body;
      });
      this.#uploads.delete(uploadId);
      return this.#store(key, concatenate(bodies), upload.options, multipartEtag(parts)!);
    });
  }

  abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    return this.#run({ method: "abortMultipart", key }, signal, () => {
      this.#uploads.delete(uploadId);
    });
  }

  listMultipart(options: ListMultipartOptions, signal: AbortSignal): Promise<MultipartPage> {
    return this.#run({ method: "listMultipart" }, signal, () => {
      return listUploads([...this.#uploads.values()].map(({ open }) => open), options);
    });
  }

  async #run<T>(call: StoreCall, signal: AbortSignal, effect: () => T): Promise<T> {
    const { method, key } = call;
    this.counts[method]++;
    const problem = key === undefined ? undefined : keyProblem(key);
    if (problem !== undefined) throw new InvalidKeyError(problem, this.#details(method, key ?? ""));
    await this.hook?.(call, signal);
    signal.throwIfAborted();
    const result = effect();
    await this.answerHook?.(call, signal);
    return result;
  }

  #store(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    etag: string,
  ): PutResult {
    if (!this.#objects.has(key)) this.#sortedKeys = undefined;
    const tags = options.tags ?? {};
    this.#objects.set(key, {
      bytes,
      tags,
      info: {
        key,
        size: bytes.byteLength,
        etag,
        // Whole seconds, as in HTTP headers.
        lastModifiedMs: Math.floor(this.#nowMs() / 1000) * 1000,
        storageClass: options.storageClass ?? "STANDARD",
        contentType: options.contentType ?? "application/octet-stream",
        metadata: options.metadata ?? {},
        tagCount: Object.keys(tags).length,
      },
    });
    return { etag };
  }

  #mayDelete({ key, ifMatch }: DeleteTarget): boolean {
    const object = this.#objects.get(key);
    return object === undefined || ifMatch === undefined || ifMatch === object.info.etag;
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
    const { key, ifMatch } = source;
    if (ifMatch === undefined) return this.#find(operation, key);
    const object = this.#objects.get(key);
    if (object?.info.etag === ifMatch) return object;
    throw this.#refused(operation, key, "source");
  }

  #upload(operation: string, key: string, uploadId: string): Upload {
    const upload = this.#uploads.get(uploadId);
    if (upload?.open.key === key) return upload;
    const details = this.#details(operation, key, { status: 404, code: "NoSuchUpload" });
    throw new NotFoundError("there is no such upload", details);
  }

  #checkCondition(operation: string, key: string, condition: WriteCondition): void {
    const etag = this.#objects.get(key)?.info.etag;
    const holds = (condition.ifMatch === undefined || condition.ifMatch === etag) &&
      (condition.ifNoneMatch === undefined || etag === undefined);
    if (!holds) throw this.#refused(operation, key);
  }

  #refused(operation: string, key: string, what?: ConditionSubject): PreconditionFailedError {
    const details = this.#details(operation, key, { status: 412, code: "PreconditionFailed" });
    return new PreconditionFailedError(REFUSED, details, what === undefined ? {} : { what });
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

function md5Etag(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
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
