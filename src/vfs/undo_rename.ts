/**
 * Directory renames that were begun and not ended: the copies go. A server that was asked for a copy
 * makes it whether or not anybody waits for the answer, so some can still come to be after that.
 */
import type { JournalOp } from "../journal/journal.ts";
import type { ObjectInfo } from "../s3/object_store.ts";
import { deleteAll, objectsBelow } from "../s3/whole_trees.ts";
import type { Volume } from "./volume.ts";

/** Kind of journal entries: a rename that was begun; their keys are the old prefixes. */
export const RENAME = "rename";

/** Copies side by side for one directory; the connection pool has the last word. */
export const COPIES_MAX = 32;

/** After so long a server has ended the copy of an object of up to 5 GiB, or gives it up. */
const LATE_COPY_MS = 30_000;

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
 * anybody uses the mount, for what is written below the new name from then on is no copy. Commits the
 * end of the rename.
 */
export async function undoRename(
  volume: Volume,
  from: string,
  { to, atMs, replaces }: RenameIntent,
  signal: AbortSignal,
): Promise<void> {
  const { changes, options: { store, listings } } = volume;
  const present = new Map<string, ObjectInfo>();
  for await (const object of objectsBelow(store, to, signal)) present.set(object.key, object);
  const copies: string[] = [];
  // They were begun in the order of the keys, and no more of them were under way.
  const late = new Map<string, ObjectInfo>();
  for await (const original of objectsBelow(store, from, signal)) {
    const key = to + original.key.slice(from.length);
    if ((replaces && key === to) || changes.get(key) !== undefined) continue;
    const copy = present.get(key);
    if (copy === undefined) {
      if (late.size < COPIES_MAX && changes.get(original.key) === undefined) {
        late.set(key, original);
      }
      continue;
    }
    // Nobody else's: the same bytes are there under the old name, and it was made since.
    const isCopy = original.size === copy.size &&
      (original.etag === copy.etag || copy.lastModifiedMs >= atMs);
    if (isCopy) copies.push(key);
  }
  await deleteAll(store, copies, signal);
  listings.forgetTree(to);
  await expectLateCopies(volume, from, late);
}

/**
 * Has copies removed that may still come to be, and commits that the rename of `from` is undone.
 *
 * @param late The originals, by the keys of their copies.
 */
export async function expectLateCopies(
  { changes, writeBack, options: { journal } }: Volume,
  from: string,
  late: ReadonlyMap<string, ObjectInfo>,
): Promise<void> {
  const keys: string[] = [];
  for (const [key, { etag, size }] of late) {
    if (changes.get(key) !== undefined) continue;
    // The copy of an object that was uploaded in parts has another ETag.
    const change = changes.restoreRemoval(key, undefined, size);
    change.sent = [etag];
    change.tried = true;
    writeBack.schedule(change, LATE_COPY_MS);
    keys.push(key);
  }
  const done: JournalOp = { delete: { kind: RENAME, key: from } };
  if (keys.length > 0) await changes.commit(keys, [done]);
  else await journal.commit([done]);
}
