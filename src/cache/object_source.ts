/** Where the bytes of one file content come from. */
import type { ByteRange } from "../base/byte_range.ts";
import { TransportError } from "../s3/errors.ts";
import type { ObjectBody, ObjectInfo, ObjectStore } from "../s3/object_store.ts";

/**
 * One content of one object: the same `id` always means the same bytes. `key` and `etag` say where
 * these bytes can be had now; they change when this program itself renames the object or rewrites
 * its metadata, which leaves the bytes as they are.
 */
export interface ObjectSource {
  readonly store: ObjectStore;
  /** Unique within the process, never used for other bytes. */
  readonly id: number;
  readonly key: string;
  readonly etag: string;
  /** In bytes. */
  readonly size: number;
  /** Told what a GET of the bytes tells of their object, besides them. */
  readonly onInfo?: ((info: ObjectInfo) => void) | undefined;
}

let lastId = 0;

/** A number for `ObjectSource.id`. */
export function nextSourceId(): number {
  return ++lastId;
}

/**
 * Asks the store for a range of the bytes. While it is asked, this program may rename the object: then
 * they are under its new name. Throws what the store throws (`PreconditionFailedError`: changed by
 * somebody else).
 */
export async function openSource(
  source: ObjectSource,
  range: ByteRange,
  signal: AbortSignal,
): Promise<ObjectBody> {
  for (;;) {
    const { key, etag } = source;
    try {
      const body = await source.store.get(key, { range, ifMatch: etag }, signal);
      source.onInfo?.(body.info);
      return body;
    } catch (error) {
      if (source.key === key && source.etag === etag) throw error;
    }
  }
}

/** The failure of a GET whose body ended inside a block. */
export function bodyTooShort(source: ObjectSource, index: number): Error {
  return new TransportError(`The body ended inside block ${index}`, {
    operation: "GetObject",
    bucket: source.store.bucket,
    key: source.key,
  });
}
