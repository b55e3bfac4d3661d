/** A part of a bucket as a store of its own: keys below a prefix, named without it. */
import type { ByteRange } from "../../base/byte_range.ts";
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

/**
 * The object named exactly like the prefix (the directory object of the mount's root) has no name
 * here, so listings leave it out. Errors name the whole key.
 */
export class PrefixedStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #prefix: string;

  /** `prefix` ends with "/" by custom; nothing here depends on it. */
  constructor(inner: ObjectStore, prefix: string) {
    this.#inner = inner;
    this.#prefix = prefix;
  }

  get bucket(): string {
    return this.#inner.bucket;
  }

  async list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    const { startAfter } = options;
    const page = await this.#inner.list({
      ...options,
      prefix: this.#prefix + options.prefix,
      ...(startAfter === undefined ? {} : { startAfter: this.#prefix + startAfter }),
    }, signal);
    return {
      ...page,
      objects: page.objects.filter((info) => info.key !== this.#prefix)
        .map((info) => this.#inside(info)),
      prefixes: page.prefixes.map((prefix) => prefix.slice(this.#prefix.length)),
    };
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    return this.#inside(await this.#inner.head(this.#prefix + key, signal));
  }

  async get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    const body = await this.#inner.get(this.#prefix + key, options, signal);
    return {
      info: this.#inside(body.info),
      read: (target) => body.read(target),
      cancel: () => body.cancel(),
    };
  }

  put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#inner.put(this.#prefix + key, body, options, signal);
  }

  copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#inner.copy(this.#source(source), this.#prefix + key, options, signal);
  }

  tags(key: string, signal: AbortSignal): Promise<Tags> {
    return this.#inner.tags(this.#prefix + key, signal);
  }

  delete(key: string, signal: AbortSignal, condition?: DeleteCondition): Promise<void> {
    return this.#inner.delete(this.#prefix + key, signal, condition);
  }

  async deleteMany(
    targets: readonly (string | DeleteTarget)[],
    signal: AbortSignal,
  ): Promise<DeleteFailure[]> {
    const whole = targets.map((target) =>
      typeof target === "string"
        ? this.#prefix + target
        : { ...target, key: this.#prefix + target.key }
    );
    const failures = await this.#inner.deleteMany(whole, signal);
    return failures.map((failure) => this.#inside(failure));
  }

  createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string> {
    return this.#inner.createMultipart(this.#prefix + key, options, signal);
  }

  uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    return this.#inner.uploadPart(this.#prefix + key, uploadId, partNumber, body, signal);
  }

  uploadPartCopy(
    key: string,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    return this.#inner.uploadPartCopy(
      this.#prefix + key,
      uploadId,
      partNumber,
      this.#source(source),
      range,
      signal,
    );
  }

  completeMultipart(
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    signal: AbortSignal,
  ): Promise<PutResult> {
    return this.#inner.completeMultipart(this.#prefix + key, uploadId, parts, condition, signal);
  }

  abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    return this.#inner.abortMultipart(this.#prefix + key, uploadId, signal);
  }

  async listMultipart(options: ListMultipartOptions, signal: AbortSignal): Promise<MultipartPage> {
    const prefix = this.#prefix + options.prefix;
    const page = await this.#inner.listMultipart({ ...options, prefix }, signal);
    return { ...page, uploads: page.uploads.map((upload) => this.#inside(upload)) };
  }

  #source(source: CopySource): CopySource {
    return { ...source, key: this.#prefix + source.key };
  }

  #inside<Named extends { readonly key: string }>(named: Named): Named {
    return { ...named, key: named.key.slice(this.#prefix.length) };
  }
}
