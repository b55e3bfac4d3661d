/**
 * Copies inside a bucket, made by the server, of any size: CopyObject where it reaches, else a
 * multipart upload whose parts are all copied. That one takes nothing over by itself, so the source's
 * properties are asked for first.
 */
import { MemoryBudget } from "../base/memory_budget.ts";
import { PreconditionFailedError } from "./errors.ts";
import { headIfPresent } from "./head_if_present.ts";
import { uploadInParts } from "./multipart_upload.ts";
import type { CopyOptions, ObjectStore, PutOptions, PutResult } from "./object_store.ts";
import { COPY_BYTES_MAX, planParts } from "./part_plan.ts";

/** Large parts under way at a time: the server works, we wait. */
const PARTS_AT_ONCE = 8;
const STANDARD = "STANDARD";

/** One version of an object. */
export interface ServerCopySource {
  readonly key: string;
  readonly etag: string;
  /** In bytes. */
  readonly size: number;
}

/**
 * Copies one version of an object. `PreconditionFailedError` tells by `what` whether the source is
 * another version by now (or gone), or the condition on the target failed.
 */
export async function copyObject(
  store: ObjectStore,
  source: ServerCopySource,
  key: string,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<PutResult> {
  const { size, etag } = source;
  const copySource = { key: source.key, ifMatch: etag };
  if (size <= COPY_BYTES_MAX) return await store.copy(copySource, key, options, signal);
  const upload = {
    size,
    parts: planParts(size, [{ start: 0, end: size }]),
    copySource,
    concurrency: PARTS_AT_ONCE,
    // Nothing passes through here.
    budget: new MemoryBudget(0),
    readPart: () => Promise.reject(new TypeError("Cannot read: every part is copied")),
  };
  const properties = await sourceProperties(store, source, options, signal);
  return await uploadInParts(store, key, upload, properties, signal);
}

/** What CopyObject would do about the copy's properties. */
async function sourceProperties(
  store: ObjectStore,
  source: ServerCopySource,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<PutOptions> {
  const { ifMatch, ifNoneMatch, replace } = options;
  const info = await headIfPresent(store, source.key, signal);
  if (info?.etag !== source.etag) {
    const details = { operation: "CopyObject", bucket: store.bucket, key: source.key };
    const message = info === undefined
      ? "the source is gone"
      : "the source is another object by now";
    throw new PreconditionFailedError(message, details, { what: "source" });
  }
  const tagged = (info.tagCount ?? 0) > 0;
  const storageClass = options.storageClass ?? info.storageClass ?? STANDARD;
  const { contentType, metadata } = replace ?? info;
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(storageClass === STANDARD ? {} : { storageClass }),
    ...(tagged ? { tags: await store.tags(source.key, signal) } : {}),
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}
