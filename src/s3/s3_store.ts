/** The `ObjectStore` that is a bucket of an S3 service. Each method is one call of calls/. */
import type { ByteRange } from "../base/byte_range.ts";
import { copyObject } from "./calls/copy_object.ts";
import { deleteObject } from "./calls/delete_object.ts";
import { deleteObjects } from "./calls/delete_objects.ts";
import { getObject } from "./calls/get_object.ts";
import { getObjectTagging } from "./calls/get_object_tagging.ts";
import { headObject } from "./calls/head_object.ts";
import { listMultipartUploads } from "./calls/list_multipart_uploads.ts";
import { listObjects } from "./calls/list_objects.ts";
import {
  abortMultipart,
  completeMultipart,
  createMultipart,
  uploadPart,
  uploadPartCopy,
} from "./calls/multipart.ts";
import { putObject } from "./calls/put_object.ts";
import type { S3Client } from "./client.ts";
import { InvalidKeyError, PreconditionFailedError, StoreError } from "./errors.ts";
import { isUnspeakableInXml, keyProblem } from "./key_encoding.ts";
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
} from "./object_store.ts";

/** Deletions that need a request each. */
const DELETES_AT_ONCE = 32;

export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  /** Encryption and ACL, for the calls that make objects. */
  readonly #writeHeaders: Readonly<Record<string, string>>;

  constructor(client: S3Client, writeHeaders: Readonly<Record<string, string>>) {
    this.#client = client;
    this.#writeHeaders = writeHeaders;
  }

  get bucket(): string {
    return this.#client.bucket;
  }

  async list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    return await listObjects(this.#client, options, signal);
  }

  async head(key: string, signal: AbortSignal): Promise<ObjectInfo> {
    this.#check("HeadObject", key);
    return await headObject(this.#client, key, signal);
  }

  async get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    this.#check("GetObject", key);
    return await getObject(this.#client, key, options, signal);
  }

  async put(
    key: string,
    body: Uint8Array<ArrayBuffer>,
    options: PutOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    this.#check("PutObject", key);
    return await putObject(this.#client, key, body, options, this.#writeHeaders, signal);
  }

  async copy(
    source: CopySource,
    key: string,
    options: CopyOptions,
    signal: AbortSignal,
  ): Promise<PutResult> {
    this.#check("CopyObject", source.key);
    this.#check("CopyObject", key);
    return await copyObject(this.#client, source, key, options, this.#writeHeaders, signal);
  }

  async tags(key: string, signal: AbortSignal): Promise<Tags> {
    this.#check("GetObjectTagging", key);
    return await getObjectTagging(this.#client, key, signal);
  }

  async delete(key: string, signal: AbortSignal, condition: DeleteCondition = {}): Promise<void> {
    this.#check("DeleteObject", key);
    await deleteObject(this.#client, key, condition, signal);
  }

  async deleteMany(
    targets: readonly (string | DeleteTarget)[],
    signal: AbortSignal,
  ): Promise<DeleteFailure[]> {
    const failures: DeleteFailure[] = [];
    const all = targets.map((target) => typeof target === "string" ? { key: target } : target);
    const together = all.filter((target) => !this.#needsOwnRequest(target));
    const alone = all.filter((target) => this.#needsOwnRequest(target));
    let next = 0;
    const work = async () => {
      while (next < alone.length) {
        const failure = await this.#deleteAlone(alone[next++]!, signal);
        if (failure !== undefined) failures.push(failure);
      }
    };
    await Promise.all(Array.from({ length: DELETES_AT_ONCE }, work));
    if (together.length === 0) return failures;
    return [...failures, ...await deleteObjects(this.#client, together, signal)];
  }

  #needsOwnRequest({ key, ifMatch }: DeleteTarget): boolean {
    const isCheckedAlone = this.#client.endpoint.quirks.conditionalDelete === "single";
    return isUnspeakableInXml(key) || (ifMatch !== undefined && isCheckedAlone);
  }

  async #deleteAlone(
    target: DeleteTarget,
    signal: AbortSignal,
  ): Promise<DeleteFailure | undefined> {
    try {
      await this.delete(target.key, signal, target);
      return undefined;
    } catch (error) {
      const { key } = target;
      if (error instanceof PreconditionFailedError) {
        return { key, code: "PreconditionFailed", message: error.message };
      }
      if (!(error instanceof StoreError)) throw error;
      const { message, details: { code } } = error;
      return { key, code: code ?? error.name, message, ...(error.retryable ? { error } : {}) };
    }
  }

  async createMultipart(key: string, options: PutOptions, signal: AbortSignal): Promise<string> {
    this.#check("CreateMultipartUpload", key);
    return await createMultipart(this.#client, key, options, this.#writeHeaders, signal);
  }

  async uploadPart(
    key: string,
    uploadId: string,
    partNumber: number,
    body: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    this.#check("UploadPart", key);
    return await uploadPart(this.#client, key, uploadId, partNumber, body, signal);
  }

  async uploadPartCopy(
    key: string,
    uploadId: string,
    partNumber: number,
    source: CopySource,
    range: ByteRange,
    signal: AbortSignal,
  ): Promise<CompletedPart> {
    this.#check("UploadPartCopy", source.key);
    this.#check("UploadPartCopy", key);
    return await uploadPartCopy(this.#client, key, uploadId, partNumber, source, range, signal);
  }

  async completeMultipart(
    key: string,
    uploadId: string,
    parts: readonly CompletedPart[],
    condition: WriteCondition,
    signal: AbortSignal,
  ): Promise<PutResult> {
    this.#check("CompleteMultipartUpload", key);
    return await completeMultipart(this.#client, key, uploadId, parts, condition, signal);
  }

  async abortMultipart(key: string, uploadId: string, signal: AbortSignal): Promise<void> {
    this.#check("AbortMultipartUpload", key);
    await abortMultipart(this.#client, key, uploadId, signal);
  }

  async listMultipart(options: ListMultipartOptions, signal: AbortSignal): Promise<MultipartPage> {
    return await listMultipartUploads(this.#client, options, signal);
  }

  #check(operation: string, key: string): void {
    const problem = keyProblem(key);
    if (problem === undefined) return;
    throw new InvalidKeyError(problem, { operation, bucket: this.bucket, key });
  }
}
