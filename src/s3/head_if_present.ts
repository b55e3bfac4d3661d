/** HEAD where nothing being there is an answer like any other. */
import { NotFoundError } from "./errors.ts";
import type { ObjectInfo, ObjectStore } from "./object_store.ts";

/** What is known of the object; undefined when there is none. Throws other `StoreError`s. */
export async function headIfPresent(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<ObjectInfo | undefined> {
  try {
    return await store.head(key, signal);
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
