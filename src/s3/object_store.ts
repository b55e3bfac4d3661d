/**
 * The contract of an object store: what every implementation (S3, in memory, and the wrappers that
 * retry, limit and measure) promises, and what the layers above may rely on.
 *
 * Common to all methods:
 * - `key` is exact: no escaping, no normalisation. It is at most 1024 bytes of UTF-8.
 * - A missing object is `NotFoundError`, a failed condition is `PreconditionFailedError`; every other
 *   failure is a `StoreError` too (see errors.ts), or the signal's reason when `signal` fired.
 * - Where an operation writes or copies, If-Match on an object that is gone is a failed condition.
 * - Every method may be called again after a failure; each says whether that can change the result.
 */
import type { ByteRange } from "../base/byte_range.ts";
import type { StoreError } from "./errors.ts";

/** User metadata: names in lower case without the `x-amz-meta-` prefix. */
export type Metadata = Readonly<Record<string, string>>;

/** What is known of one object. A listing fills the first four fields and `storageClass` only. */
export interface ObjectInfo {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  /** As the server sent it, with its quotes: opaque, compared for equality only. */
  readonly etag: string;
  /** Milliseconds since the epoch. */
  readonly lastModifiedMs: number;
  readonly storageClass?: string;
  readonly versionId?: string;
  readonly contentType?: string;
  /** Present (perhaps empty) after HEAD and GET; absent in listings, which do not tell it. */
  readonly metadata?: Metadata;
  /** How many tags it has; after HEAD and GET, 0 where the server does not tell. */
  readonly tagCount?: number;
}

/** One page of a listing, in the order of the keys' UTF-8 bytes. */
export interface ListPage {
  readonly objects: readonly ObjectInfo[];
  /** Common prefixes, each ending with the delimiter; empty without a delimiter. */
  readonly prefixes: readonly string[];
  /** Pass as `token` for the next page; absent on the last one. */
  readonly nextToken?: string;
}

export interface ListOptions {
  readonly prefix: string;
  /** Usually "/" (one directory level) or absent (everything below the prefix). */
  readonly delimiter?: string;
  readonly token?: string;
  /** List only keys that sort after this one. */
  readonly startAfter?: string;
  /** At most this many objects and prefixes on the page; at most (and by default) 1000. */
  readonly maxKeys?: number;
}

export interface GetOptions {
  /** Absent: the whole object. Must lie inside the object when present and not be empty. */
  readonly range?: ByteRange;
  /** Fail with `PreconditionFailedError` unless the object still has this ETag. */
  readonly ifMatch?: string;
}

/** The body of one GET, read piece by piece. Always read to its end or cancelled, else a connection stays taken. */
export interface ObjectBody {
  /** From the response headers; `size` is that of the whole object, not of the range. */
  readonly info: ObjectInfo;
  /**
   * Fills `target` and returns it as a new view of the same memory; the view passed in is detached.
   * The result is shorter than `target` only where the body ends (then possibly empty).
   */
  read(target: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Gives the connection back. Safe to call at any time and repeatedly. */
  cancel(): Promise<void>;
}

/** Conditions on what an operation replaces. */
export interface WriteCondition {
  /** Only if the current object has this ETag. */
  readonly ifMatch?: string;
  /** Only if there is no object of this name (`If-None-Match: *`). */
  readonly ifNoneMatch?: "*";
}

/** Conditions on what a deletion removes. */
export interface DeleteCondition {
  /**
   * Only if the current object has this ETag. Endpoints that cannot check it delete regardless:
   * whoever asks looks at the object right before.
   */
  readonly ifMatch?: string;
}

/** One of several objects to be deleted. */
export interface DeleteTarget extends DeleteCondition {
  readonly key: string;
}

/** An object's tags by name. */
export type Tags = Readonly<Record<string, string>>;

/** Properties of the object to be written. */
export interface PutOptions extends WriteCondition {
  readonly contentType?: string;
  readonly metadata?: Metadata;
  readonly storageClass?: string;
  /** Absent: none. */
  readonly tags?: Tags;
}

export interface PutResult {
  readonly etag: string;
  readonly versionId?: string;
}

export interface CopySource {
  readonly key: string;
  /** Copy only this version of the source: else `PreconditionFailedError` with `what` "source". */
  readonly ifMatch?: string;
}

export interface CopyOptions extends WriteCondition {
  /**
   * Given: replaces metadata and content type. Absent: both are taken over from the source. Tags
   * always are.
   */
  readonly replace?: { readonly metadata: Metadata; readonly contentType?: string };
  readonly storageClass?: string;
  /**
   * The condition on the target was seen to hold just before: where the server cannot check it, it is
   * not looked at once more.
   */
  readonly isChecked?: boolean;
}

export interface CompletedPart {
  /** From 1. */
  readonly partNumber: number;
  readonly etag: string;
  /** Hex, of its bytes; where it was sent and that is known. */
  readonly md5?: string;
}

/** A multipart upload that was begun and is neither completed nor aborted. */
export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
  /** Milliseconds since the epoch, by the server's clock; some servers cut it to whole seconds. */
  readonly initiatedMs: number;
}

export interface ListMultipartOptions {
  readonly prefix: string;
  readonly token?: string;
  /** At most this many on the page; at most (and by default) 1000. */
  readonly maxUploads?: number;
}

/** One page of uploads: in the order of their keys, and of one key in that of their beginning. */
export interface MultipartPage {
  readonly uploads: readonly OpenUpload[];
  /** Pass as `token` for the next page; absent on the last one. */
  readonly nextToken?: string;
}

export interface DeleteFailure {
  readonly key: string;
  /** "PreconditionFailed" when the object is not the one that `ifMatch` names. */
  readonly code: string;
  readonly message: string;
  /** Present where the same may succeed later. */
  readonly error?: StoreError;
}

/** One bucket. */
export interface ObjectStore {
  readonly bucket: string;

  /** One page of keys. Strongly consistent on AWS; safe to repeat. */
  list(options: ListOptions, signal: AbortSignal): Promise<ListPage>;

  /** Everything about one object but its bytes. Safe to repeat. */
  head(key: string, signal: AbortSignal): Promise<ObjectInfo>;

  /** Opens an object or a range of it; resolves when the response headers are there. Safe to repeat. */
  get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody>;

  /** Writes a whole object from memory; `body` is not changed and must not change meanwhile. */
  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult>;

  /** Server-side copy inside the bucket, of at most 5 GiB (larger: server_copy.ts). */
  copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult>;

  /** The tags of an object. Safe to repeat. */
  tags(key: string, signal: AbortSignal): Promise<Tags>;

  /** Resolves also when there is no such key. Safe to repeat. */
  delete(key: string, signal: AbortSignal, condition?: DeleteCondition): Promise<void>;

  /** Deletes up to 1000 keys in one request; returns those that failed. Missing keys are no failure. */
  deleteMany(
    targets: readonly (string | DeleteTarget)[],
    signal: AbortSignal,
  ): Promise<DeleteFailure[]>;

  /**
   * Begins a multipart upload and returns its id. Repeating it leaves an upload behind that nobody
   * knows: `listMultipart` shows it.
   */
  createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string>;

  /** Uploads part `partNumber` (1 to 10,000; 5 MiB to 5 GiB but for the last). Safe to repeat. */
  uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart>;

  /**
   * Like `uploadPart`, with the bytes `range` of another object of the bucket, which must have more
   * than 5 MiB. Safe to repeat. `UnsupportedError` where the endpoint does not offer it.
   */
  uploadPartCopy(
    key: string,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<CompletedPart>;

  /** Makes the object of its parts. After a lost answer a repeat fails with `NoSuchUpload`. */
  completeMultipart(
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    signal: AbortSignal,
  ): Promise<PutResult>;

  /** Frees the parts of an upload. Resolves also when there is no such upload. */
  abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void>;

  /**
   * One page of the uploads under way. MinIO shows only those of the key that equals the prefix.
   * Safe to repeat.
   */
  listMultipart(options: ListMultipartOptions, signal: AbortSignal): Promise<MultipartPage>;
}
