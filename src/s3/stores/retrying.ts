/**
 * An `ObjectStore` that repeats what failed for a passing reason (see retrier.ts).
 *
 * It stands outside the pool's slots: whoever waits holds none. Repeating is safe by the contract of
 * each method. Where a conditional write is refused although exactly the object that it would make is
 * there, it counts as done: it was our own, and its answer was lost (_lost_answers.ts).
 */
import type { ByteRange } from "../../base/byte_range.ts";
import type { Clock } from "../../base/clock.ts";
import {
  IntegrityError,
  PreconditionFailedError,
  ProtocolError,
  StoreError,
  TransportError,
} from "../errors.ts";
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
  PutOptions,
  PutResult,
  Tags,
  WriteCondition,
} from "../object_store.ts";
import type { Retrier } from "../retrier.ts";
import { uploadsBegun } from "../uploads_begun.ts";
import { recoverCopy, recoverFrom, recoverMultipart, recoverPut } from "./_lost_answers.ts";
import { ResumingBody } from "./_resuming_body.ts";

/**
 * So often a conditional write is repeated while the server says that another one is under way: that may
 * be an earlier attempt of ours, whose answer did not come. Then the other one counts as faster.
 */
const CONFLICTS_MAX = 3;

export class RetryingStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #retrier: Retrier;
  readonly #clock: Clock;

  constructor(inner: ObjectStore, retrier: Retrier, clock: Clock) {
    this.#inner = inner;
    this.#retrier = retrier;
    this.#clock = clock;
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
    let current = options;
    const attempt = async (s: AbortSignal) => {
      try {
        return await this.#inner.put(key, body, current, s);
      } catch (error) {
        // What lies there now is this attempt's damaged object: that is what the next one replaces.
        const damaged = error instanceof IntegrityError ? error.etag : undefined;
        if (damaged !== undefined) current = replacing(options, damaged);
        throw error;
      }
    };
    const recover = (s: AbortSignal) => recoverPut(this, key, body, options, s);
    return this.#write("PutObject", key, signal, attempt, recover);
  }

  copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    const attempt = (s: AbortSignal) => this.#inner.copy(source, key, options, s);
    const recover = (s: AbortSignal) => recoverCopy(this, source, key, options, s);
    return this.#write("CopyObject", key, signal, attempt, recover);
  }

  tags(key: string, signal: AbortSignal): Promise<Tags> {
    return this.#short("GetObjectTagging", key, signal, (s) => this.#inner.tags(key, s));
  }

  delete(key: string, signal: AbortSignal, condition?: DeleteCondition): Promise<void> {
    return this.#short("DeleteObject", key, signal, (s) => this.#inner.delete(key, s, condition));
  }

  deleteMany(
    targets: readonly (string | DeleteTarget)[],
    signal: AbortSignal,
  ): Promise<DeleteFailure[]> {
    const failures: DeleteFailure[] = [];
    let left = targets;
    return this.#short("DeleteObjects", undefined, signal, async (s) => {
      const again = new Map<string, StoreError>();
      for (const failure of await this.#inner.deleteMany(left, s)) {
        if (failure.error === undefined) failures.push(failure);
        else again.set(failure.key, failure.error);
      }
      // Only what was not deleted is asked for again.
      left = left.filter((target) => again.has(typeof target === "string" ? target : target.key));
      for (const error of again.values()) throw error;
      return failures;
    });
  }

  async createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string> {
    const fromMs = this.#clock.nowMs();
    let isAnswerLost = false;
    const create = async (s: AbortSignal) => {
      try {
        return await this.#inner.createMultipart(key, options, s);
      } catch (error) {
        isAnswerLost ||= error instanceof TransportError || error instanceof ProtocolError;
        throw error;
      }
    };
    const uploadId = await this.#short("CreateMultipartUpload", key, signal, create);
    if (isAnswerLost) await this.#abortOthers(key, uploadId, fromMs, signal);
    return uploadId;
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
    const attempt = (s: AbortSignal) =>
      this.#inner.completeMultipart(key, uploadId, parts, condition, s);
    const recover = (s: AbortSignal) => recoverMultipart(this, key, parts, s);
    return this.#write("CompleteMultipartUpload", key, signal, attempt, recover);
  }

  abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    const abort = (s: AbortSignal) => this.#inner.abortMultipart(key, uploadId, s);
    return this.#short("AbortMultipartUpload", key, signal, abort);
  }

  listMultipart(options: ListMultipartOptions, signal: AbortSignal): Promise<MultipartPage> {
    const list = (s: AbortSignal) => this.#inner.listMultipart(options, s);
    return this.#short("ListMultipartUploads", undefined, signal, list);
  }

  /** Attempts whose answers were lost may have begun uploads of their own: these are removed. */
  async #abortOthers(
    key: string,
    uploadId: string,
    fromMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const period = { fromMs, toMs: this.#clock.nowMs() };
      for (const other of await uploadsBegun(this, key, period, signal)) {
        if (other !== uploadId) await this.abortMultipart(key, other, signal);
      }
    } catch (error) {
      // Not worth failing for: an upload without parts costs nothing.
      if (!(error instanceof StoreError)) throw error;
    }
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
   * A write that a condition can refuse: then `recover` finds out whether the refusal is due to an
   * earlier success of our own.
   */
  #write(
    operation: string,
    key: string,
    signal: AbortSignal,
    attempt: (signal: AbortSignal) => Promise<PutResult>,
    recover: (signal: AbortSignal) => Promise<PutResult | undefined>,
  ): Promise<PutResult> {
    let conflicts = 0;
    return this.#long(operation, key, signal, async (s) => {
      try {
        return await attempt(s);
      } catch (given) {
        const error = isConflict(given) && ++conflicts === CONFLICTS_MAX ? asRefusal(given) : given;
        const done = await recoverFrom(error, () => recover(s));
        if (done !== undefined) return done;
        throw error;
      }
    });
  }
}

function replacing(options: PutOptions, etag: string): PutOptions {
  const { ifMatch, ifNoneMatch, ...properties } = options;
  const isConditional = ifMatch !== undefined || ifNoneMatch !== undefined;
  return isConditional ? { ...properties, ifMatch: etag } : options;
}

function isConflict(error: unknown): error is StoreError {
  return error instanceof StoreError && error.details.code === "ConditionalRequestConflict";
}

function asRefusal(error: StoreError): PreconditionFailedError {
  const message = "another write of the same object goes on";
  return new PreconditionFailedError(message, error.details, { cause: error });
}
