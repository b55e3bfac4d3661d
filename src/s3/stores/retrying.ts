/**
 * An `ObjectStore` that repeats what failed for a passing reason (see retrier.ts).
 *
 * It stands outside the pool's slots: whoever waits holds none. Repeating is safe by the contract of
 * each method; where an answer was lost and the repetition of a conditional write then fails because
 * the first attempt had succeeded, that is recognised (_lost_answers.ts).
 */
import type { ByteRange } from "../../base/byte_range.ts";
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
import type { Retrier } from "../retrier.ts";
import {
  isAmbiguous,
  recoverCopy,
  recoverFrom,
  recoverMultipart,
  recoverPut,
} from "./_lost_answers.ts";
import { ResumingBody } from "./_resuming_body.ts";

export class RetryingStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #retrier: Retrier;

  constructor(inner: ObjectStore, retrier: Retrier) {
    this.#inner = inner;
    this.#retrier = retrier;
  }

  get bucket(): string {
    return this.#inner.bucket;
  }

  list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    return this.#short("ListObjects", undefined, signal, (s) => this.#inner.list(options, s));
  }

  head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    return this.#short("HeadObject", key, signal, (s) => this.#inner.head(key, s));
  }

  async get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    const get = (also: GetOptions) => (s: AbortSignal) => this.#inner.get(key, also, s);
    const first = await this.#short("GetObject", key, signal, get(options));
    return new ResumingBody(first, options, {
      reopen: (rest, failure, readFirst) => {
        this.#retrier.spend(failure);
        return this.#short("GetObject", key, signal, async (s) => {
          const body = await get(rest)(s);
          try {
            return { body, piece: await readFirst(body) };
          } catch (error) {
            await body.cancel();
            throw error;
          }
        });
      },
    }, signal);
  }

  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#write(
      "PutObject",
      key,
      signal,
      (s) => this.#inner.put(key, body, options, s),
      (s) => recoverPut(this.#inner, key, body, s),
    );
  }

  copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#write(
      "CopyObject",
      key,
      signal,
      (s) => this.#inner.copy(source, key, options, s),
      (s) => recoverCopy(this.#inner, source.key, key, s),
    );
  }

  delete(key: string, signal: AbortSignal): Promise<void> {
    return this.#short("DeleteObject", key, signal, (s) => this.#inner.delete(key, s));
  }

  deleteMany(keys: readonly string[], signal: AbortSignal): Promise<DeleteFailure[]> {
    return this.#short("DeleteObjects", undefined, signal, (s) => this.#inner.deleteMany(keys, s));
  }

  createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string> {
    const create = (s: AbortSignal) => this.#inner.createMultipart(key, options, s);
    return this.#short("CreateMultipartUpload", key, signal, create);
  }

  uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    const upload = (s: AbortSignal) => this.#inner.uploadPart(key, uploadId, partNumber, body, s);
    return this.#long("UploadPart", key, signal, upload);
  }

  uploadPartCopy(
    key: string,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    const copy = (s: AbortSignal) =>
      this.#inner.uploadPartCopy(key, uploadId, partNumber, source, range, s);
    return this.#long("UploadPartCopy", key, signal, copy);
  }

  completeMultipart(
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#write(
      "CompleteMultipartUpload",
      key,
      signal,
      (s) => this.#inner.completeMultipart(key, uploadId, parts, condition, s),
      (s) => recoverMultipart(this.#inner, key, parts, s),
    );
  }

  abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    const abort = (s: AbortSignal) => this.#inner.abortMultipart(key, uploadId, s);
    return this.#short("AbortMultipartUpload", key, signal, abort);
  }

  #short<T>(
    operation: string,
    key: string | undefined,
    signal: AbortSignal,
    attempt: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const named = { operation, bucket: this.bucket, ...(key === undefined ? {} : { key }) };
    return this.#retrier.run({ ...named, isBounded: true }, signal, attempt);
  }

  #long<T>(
    operation: string,
    key: string,
    signal: AbortSignal,
    attempt: (signal: AbortSignal, count: number) => Promise<T>,
  ): Promise<T> {
    return this.#retrier.run(
      { operation, bucket: this.bucket, key, isBounded: false },
      signal,
      attempt,
    );
  }

  /**
   * A write that a condition can refuse. When an earlier attempt's answer was lost, `recover` finds
   * out whether the refusal is due to that attempt's own success.
   */
  #write(
    operation: string,
    key: string,
    signal: AbortSignal,
    attempt: (signal: AbortSignal) => Promise<PutResult>,
    recover: (signal: AbortSignal) => Promise<PutResult | undefined>,
  ): Promise<PutResult> {
    let mayHaveSucceeded = false;
    return this.#long(operation, key, signal, async (s) => {
      try {
        return await attempt(s);
      } catch (error) {
        const done = mayHaveSucceeded ? await recoverFrom(error, () => recover(s)) : undefined;
        if (done !== undefined) return done;
        if (isAmbiguous(error)) mayHaveSucceeded = true;
        throw error;
      }
    });
  }
}
