/** All objects below a prefix: listing and deleting them, however many they are. */
import { StoreError } from "./errors.ts";
import type { ObjectInfo, ObjectStore } from "./object_store.ts";

/** Keys in one DeleteObjects request. */
const DELETE_MAX = 1000;

/** Every object whose key begins with `prefix`, in the order of keys, page by page. */
export async function* objectsBelow(
  store: ObjectStore,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<ObjectInfo> {
  let token: string | undefined;
  do {
    const page = await store.list({ prefix, ...(token === undefined ? {} : { token }) }, signal);
    yield* page.objects;
    token = page.nextToken;
  } while (token !== undefined);
}

/** Deletes the keys. Throws the first failure, which may leave others undeleted. */
export async function deleteAll(
  store: ObjectStore,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < keys.length; at += DELETE_MAX) {
    const [failure] = await store.deleteMany(keys.slice(at, at + DELETE_MAX), signal);
    if (failure === undefined) continue;
    const { key, code, message } = failure;
    throw new StoreError(message, { operation: "DeleteObjects", bucket: store.bucket, key, code });
  }
}
