/** Where the bytes of one file content come from. */
import type { ObjectStore } from "../s3/object_store.ts";

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
}

let lastId = 0;

/** A number for `ObjectSource.id`. */
export function nextSourceId(): number {
  return ++lastId;
}
