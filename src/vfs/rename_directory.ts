/**
 * Renaming a directory: the server copies every object below it, many at a time, and when all copies
 * exist the tree has its new name at once, here and in the journal; the old objects are deleted in the
 * background. What S3 does not have yet, or has in an older version, is not copied: its wish moves
 * along. Until the journal has the new names nothing of the old tree is touched, and the journal has
 * the intent, so a program that ends in between leaves the old tree, and removes the copies later.
 */
import { KeyedMutex } from "../base/keyed_mutex.ts";
import { type ReleasePermit, Semaphore } from "../base/semaphore.ts";
import { StoreError } from "../s3/errors.ts";
import type { ObjectInfo, PutResult } from "../s3/object_store.ts";
import { copyObject } from "../s3/server_copy.ts";
import { deleteAll, objectsBelow } from "../s3/whole_trees.ts";
import { DIRECTORY_CONTENT_TYPE } from "./content_type.ts";
import { FsError } from "./file_system.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import { hasLocal } from "./namespace.ts";
import { COPIES_MAX, expectLateCopies, RENAME, type RenameIntent } from "./undo_rename.ts";
import type { Volume } from "./volume.ts";

/** An object that was copied. */
interface Copied {
  /** The original. */
  readonly object: ObjectInfo;
  /** Of the copy. */
  readonly etag: string;
}
/** By the keys of the originals. */
interface Copies {
  readonly made: Map<string, Copied>;
  /** Nobody knows whether the server has made them, or will. */
  readonly unanswered: Map<string, ObjectInfo>;
}

export class RenameDirectory {
  readonly #volume: Volume;
  /** One at a time: two could be nested in each other. */
  readonly #lock = new KeyedMutex<"directories">();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /**
   * `to` does not lie in the directory. `target`, an empty directory, has the new name until now; it is
   * replaced at the moment of the rename.
   */
  async rename(
    inode: DirectoryInode,
    to: DirectoryInode,
    newName: string,
    target: DirectoryInode | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#lock.run("directories", async () => {
      const { changes } = this.#volume;
      const from = inode.prefix;
      const newPrefix = `${to.prefix}${newName}/`;
      for (const file of pendingFiles(inode)) await changes.sync(file);
      let keys: string[] | undefined;
      const copies: Copies = { made: new Map(), unanswered: new Map() };
      const pause = await this.#pause(inode, newPrefix, signal);
      const isInS3 = !isOnlyHere(inode);
      try {
        if (isInS3) await this.#copyAll(from, newPrefix, target !== undefined, copies, signal);
        const present = to.children.get(newName);
        const isFree = present === undefined || (present === target && !hasLocal(target));
        if (!isFree || inode.unlinked) {
          throw new FsError("EBUSY", `"${newName}" was made at the same time`);
        }
        if (target !== undefined) this.#replace(target);
        const { attributes } = this.#volume.options;
        keys = attributes.together(() => this.#move(inode, to, newName, copies.made));
        if (isInS3) keys.push(this.#hide(from));
        if (target !== undefined) keys.push(this.#keepObject(inode, target));
        await changes.commit(keys, isInS3 ? [{ delete: { kind: RENAME, key: from } }] : []);
      } finally {
        if (keys === undefined && isInS3) {
          await this.#dropCopies(from, newPrefix, target !== undefined, copies);
        }
        pause[Symbol.dispose]();
      }
      await this.#volume.acknowledge(keys, signal);
    });
  }

  /**
   * Resolves when nothing below either name is under way, nor begun until the end. What is still to be
   * removed at the new name, below it or above it (a file in whose place a directory has come) must be
   * gone by then, or it would be in the copies' way.
   */
  async #pause(inode: DirectoryInode, to: string, signal: AbortSignal): Promise<Disposable> {
    const { changes, writeBack } = this.#volume;
    for (;;) {
      const pause = await writeBack.pause([inode.prefix, to], signal);
      const keys = [...changes.values()].map(({ key }) => key).filter((key) =>
        key.startsWith(to) || to.startsWith(`${key}/`)
      );
      if (isOnlyHere(inode) || keys.length === 0) return pause;
      pause[Symbol.dispose]();
      await Promise.all(keys.map((key) => writeBack.pushKey(key, signal)));
    }
  }

  async #copyAll(
    from: string,
    to: string,
    replaces: boolean,
    copies: Copies,
    signal: AbortSignal,
  ): Promise<void> {
    const { journal, clock } = this.#volume.options;
    const intent: RenameIntent = { to, atMs: clock.nowMs(), replaces };
    await journal.commit([{ put: { kind: RENAME, key: from, value: intent } }]);
    const isChecked = await this.#isFree(to, signal);
    await this.#copyTree(from, to, { replaces, isChecked }, copies, signal);
  }

  /** True when there is nothing below the prefix but its own object: one look instead of one for each copy. */
  async #isFree(prefix: string, signal: AbortSignal): Promise<boolean> {
    const page = await this.#volume.options.store.list({ prefix, maxKeys: 2 }, signal);
    return page.objects.every(({ key }) => key === prefix);
  }

  /** Nothing was renamed after all: removes the copies. */
  async #dropCopies(
    from: string,
    to: string,
    replaces: boolean,
    { made, unanswered }: Copies,
  ): Promise<void> {
    const { store, log } = this.#volume.options;
    const copyKey = (key: string) => to + key.slice(from.length);
    const copies = [...made.keys()].map(copyKey).filter((key) => !replaces || key !== to);
    const late = [...unanswered].map(([key, object]) => [copyKey(key), object] as const);
    try {
      // Not with the caller's signal: an interrupted rename must be undone too.
      await deleteAll(store, copies, this.#volume.closing.signal);
      await expectLateCopies(this.#volume, from, new Map(late));
    } catch (failure) {
      // The intent stays in the journal: the next start tries again.
      log.error("Cannot remove the {count} copies below {to} of a rename that failed: {failure}", {
        count: copies.length,
        to,
        failure,
      });
    }
  }

  /** Copies every object that is to stay as it is. */
  async #copyTree(
    from: string,
    to: string,
    { replaces, isChecked }: { readonly replaces: boolean; readonly isChecked: boolean },
    { made, unanswered }: Copies,
    signal: AbortSignal,
  ): Promise<void> {
    const slots = new Semaphore(COPIES_MAX);
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const copyOne = async (object: ObjectInfo, release: ReleasePermit) => {
      try {
        const { etag } = await this.#copyObject(
          object,
          to + object.key.slice(from.length),
          to,
          isChecked,
          either,
        );
        made.set(object.key, { object, etag });
      } catch (error) {
        if (!(error instanceof StoreError) || error.retryable) unanswered.set(object.key, object);
        stop.abort(error);
        throw error;
      } finally {
        release();
      }
    };
    const copies: Promise<void>[] = [];
    try {
      for await (const object of objectsBelow(this.#volume.options.store, from, either)) {
        if (this.#volume.changes.get(object.key) !== undefined) continue;
        // The one that is there is rewritten when all is done.
        if (replaces && object.key === from && object.size === 0) continue;
        this.#volume.checkKey(to + object.key.slice(from.length));
        // Listed no further ahead than copies are made.
        const copy = copyOne(object, await slots.acquire(either));
        copy.catch(() => {});
        copies.push(copy);
      }
    } catch (error) {
      stop.abort(error);
      throw error;
    } finally {
      await Promise.allSettled(copies);
    }
    await Promise.all(copies);
  }

  async #copyObject(
    object: ObjectInfo,
    key: string,
    to: string,
    isChecked: boolean,
    signal: AbortSignal,
  ): Promise<PutResult> {
    const { store } = this.#volume.options;
    if (key.endsWith("/") && object.size === 0) {
      // A directory's own object. Some servers keep those as directories and do not copy them.
      const { metadata, contentType } = await store.head(object.key, signal);
      return await store.put(key, new Uint8Array(0), {
        metadata: metadata ?? {},
        contentType: contentType ?? DIRECTORY_CONTENT_TYPE,
      }, signal);
    }
    const { storageClass } = object;
    return await copyObject(store, object, key, {
      // A directory's own object may be there: that of an empty one which this one replaces.
      ...(key === to ? {} : { ifNoneMatch: "*", isChecked }),
      ...(storageClass === undefined ? {} : { storageClass }),
    }, signal);
  }

  /** Takes the name from a directory in whose place another one comes. */
  #replace(target: DirectoryInode): void {
    target.unlinked = true;
    target.pending = false;
    target.ctime = this.#volume.now();
    this.#volume.inodes.detach(target);
  }

  /** The object of the directory that was replaced becomes that of the renamed one. */
  #keepObject(inode: DirectoryInode, target: DirectoryInode): string {
    const { changes } = this.#volume;
    const { prefix } = inode;
    if (!target.isNew) inode.isNew = false;
    changes.want(inode, undefined);
    return prefix;
  }

  /** Gives the tree its new name. Returns the keys whose wishes have changed. */
  #move(
    inode: DirectoryInode,
    to: DirectoryInode,
    newName: string,
    copied: ReadonlyMap<string, Copied>,
  ): string[] {
    const { changes, inodes, options: { listings, attributes } } = this.#volume;
    const from = inode.parent!;
    const { name, prefix: oldPrefix } = inode;
    const pending = [...changes.values()].filter(({ key }) => key.startsWith(oldPrefix));
    inodes.move(inode, to, newName);
    inode.ctime = this.#volume.now();
    const newPrefix = inode.prefix;
    listings.moveTree(oldPrefix, newPrefix);
    // The old names' go with their objects: this rename is not durable yet.
    attributes.copyTree(oldPrefix, newPrefix);
    listings.set(from.prefix, name, undefined);
    listings.set(to.prefix, newName, { kind: "directory", attributes: inode.attributes });
    attributes.remember(to.prefix, newName, "", inode.attributes);
    this.#adopt(inode, newPrefix, copied, oldPrefix);
    const keys = new Set<string>();
    for (const { key, wish, remote } of pending) {
      keys.add(key);
      // Wished after its copy was made: it is for the copy as well.
      const copy = copied.get(key)?.etag;
      const newKey = newPrefix + key.slice(oldPrefix.length);
      if (wish.kind === "removal") {
        this.#forgetRemoved(newKey);
        if (copy !== undefined) changes.wantRemoved(newKey, copy, undefined);
        keys.add(newKey);
        continue;
      }
      changes.wantRemoved(key, remote, wish.inode);
      keys.add(changes.want(wish.inode, copy).key);
    }
    for (const [key, { object }] of copied) {
      changes.wantRemoved(key, object.etag, undefined);
      keys.add(key);
    }
    if (copied.size > 0) this.#volume.leaveNew(to);
    // Also without objects of their own: hidden until everything below them is deleted.
    for (const prefix of directoriesOf(keys, oldPrefix, (key) => changes.isRemoved(key))) {
      changes.wantRemoved(prefix, undefined, undefined);
      keys.add(prefix);
    }
    return [...keys];
  }

  /** The old name is gone for as long as something below it is not deleted yet. */
  #hide(prefix: string): string {
    this.#volume.changes.wantRemoved(prefix, undefined, undefined);
    return prefix;
  }

  /** A name that was removed, but that S3 listed still, has not come along. */
  #forgetRemoved(key: string): void {
    const path = key.endsWith("/") ? key.slice(0, -1) : key;
    const split = path.lastIndexOf("/") + 1;
    const kind = key.endsWith("/") ? "directory" : "file";
    const { listings, attributes } = this.#volume.options;
    listings.setDeleted(path.slice(0, split), path.slice(split), kind);
    attributes.forget(path.slice(0, split), path.slice(split), kind);
  }

  /** Copies can have other ETags than their originals (multipart objects): enters the new ones. */
  #adopt(
    directory: DirectoryInode,
    prefix: string,
    copied: ReadonlyMap<string, Copied>,
    oldPrefix: string,
  ): void {
    const { listings, attributes } = this.#volume.options;
    for (const [oldKey, { object, etag }] of copied) {
      const key = prefix + oldKey.slice(oldPrefix.length);
      const split = key.lastIndexOf("/") + 1;
      const name = key.slice(split);
      if (name === "") continue;
      const parentPrefix = key.slice(0, split);
      attributes.keepTime(parentPrefix, name, object.etag, etag, object.lastModifiedMs);
      const entry = listings.peek(parentPrefix, name)?.entry;
      if (entry?.kind === "file" && entry.etag === object.etag && etag !== object.etag) {
        listings.set(parentPrefix, name, { ...entry, etag });
      }
      const inode = descendant(directory, key.slice(prefix.length));
      if (inode?.kind !== "file" || inode.source?.key !== oldKey) continue;
      if (inode.source.etag === object.etag) {
        inode.source.key = key;
        inode.source.etag = etag;
        this.#volume.log?.touched(inode);
      } else {
        // Changed by somebody else since it was looked at: the listing tells the new version.
        listings.expire(parentPrefix);
      }
    }
  }
}

/** The prefixes of `root` and below that have one of the keys in them. */
function directoriesOf(
  keys: Iterable<string>,
  root: string,
  isCounted: (key: string) => boolean,
): Set<string> {
  const prefixes = new Set<string>();
  for (const key of keys) {
    if (!key.startsWith(root) || !isCounted(key)) continue;
    for (let end = root.length; end > 0; end = key.indexOf("/", end) + 1) {
      prefixes.add(key.slice(0, end));
    }
  }
  return prefixes;
}

/** True when nothing below the directory is in S3. */
function isOnlyHere(directory: DirectoryInode): boolean {
  if (!directory.isNew) return false;
  for (const child of directory.children.values()) {
    if (child.kind === "directory" ? !isOnlyHere(child) : !child.pending) return false;
  }
  return true;
}

function* pendingFiles(directory: DirectoryInode): Generator<FileInode> {
  for (const child of directory.children.values()) {
    if (child.kind === "directory") yield* pendingFiles(child);
    else if (child.dirty) yield child;
  }
}

/** The inode at a path below a directory, if it is in memory. */
function descendant(directory: DirectoryInode, path: string): Inode | undefined {
  let inode: Inode | undefined = directory;
  for (const name of path.split("/")) {
    inode = inode?.kind === "directory" ? inode.children.get(name) : undefined;
  }
  return inode;
}
