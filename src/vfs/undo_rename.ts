/** A directory rename that an earlier run has begun and not ended. */
import type { ObjectInfo } from "../s3/object_store.ts";
import { deleteAll, objectsBelow } from "../s3/whole_trees.ts";
import type { Volume } from "./volume.ts";

/** Kind of journal entries: a rename that was begun; their keys are the old prefixes. */
export const RENAME = "rename";

/** What the journal says of a rename under way. */
export interface RenameIntent {
  readonly to: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** An empty directory had the new name: what is its own object is not one of the copies. */
  readonly replaces: boolean;
}

/**
 * Deletes the copies that the rename has made; the originals are all there. To be called before
 * anybody uses the mount, for what is written below the new name from then on is no copy.
 */
export async function undoRename(
  volume: Volume,
  from: string,
  { to, atMs, replaces }: RenameIntent,
  signal: AbortSignal,
): Promise<void> {
  const { changes, options: { store, listings } } = volume;
  const originals = new Map<string, ObjectInfo>();
  for await (const object of objectsBelow(store, from, signal)) originals.set(object.key, object);
  const copies: string[] = [];
  for await (const copy of objectsBelow(store, to, signal)) {
    if ((replaces && copy.key === to) || changes.get(copy.key) !== undefined) continue;
    const original = originals.get(from + copy.key.slice(to.length));
    // Nobody else's: the same bytes are there under the old name, and it was made since.
    const isCopy = original?.size === copy.size &&
      (original.etag === copy.etag || copy.lastModifiedMs >= atMs);
    if (isCopy) copies.push(copy.key);
  }
  await deleteAll(store, copies, signal);
  listings.forgetTree(to);
}
