/**
 * rename(2). S3 has no rename: a file is copied by the server and the old object deleted; a directory
 * is that for every key below it, in parallel. The old keys are deleted only when all copies exist, so
 * a failure leaves the old tree whole (and removes the copies again).
 */
import { KeyedMutex } from "../base/keyed_mutex.ts";
import { timespecOfMs } from "../base/posix.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { ObjectInfo, PutResult } from "../s3/object_store.ts";
import { FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import type { FileContent } from "./file_content.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Remove } from "./remove.ts";
import { DIRECTORY_CONTENT_TYPE } from "./set_attributes.ts";
import type { Volume } from "./volume.ts";

/** renameat2(2): fail when the new name exists. Other flags are refused. */
const RENAME_NOREPLACE = 1;
/** Copies side by side for one directory; the connection pool has the last word. */
const COPIES_MAX = 32;
/** Keys in one DeleteObjects request. */
const DELETE_MAX = 1000;

export class Rename {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;
  readonly #remove: Remove;
  /** One directory rename at a time: two could be nested in each other. */
  readonly #directoryLock = new KeyedMutex<"directories">();

  constructor(volume: Volume, namespace: Namespace, content: FileContent, remove: Remove) {
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
    this.#remove = remove;
  }

  async rename(
    fromNumber: InodeNumber,
    name: string,
    toNumber: InodeNumber,
    newName: string,
    flags: number,
    context: OpContext,
  ): Promise<void> {
    this.#volume.checkWritable();
    if ((flags & ~RENAME_NOREPLACE) !== 0) {
      throw new FsError("EINVAL", "Names cannot be exchanged or whited out in a bucket");
    }
    const from = this.#volume.inodes.directory(fromNumber);
    const to = this.#volume.inodes.directory(toNumber);
    this.#volume.newKey(to, newName);
    const inode = await this.#namespace.get(from, name, context.signal);
    const target = await this.#namespace.find(to, newName, context.signal);
    if (target === inode) return;
    if (target !== undefined && (flags & RENAME_NOREPLACE) !== 0) {
      throw new FsError("EEXIST", `"${to.prefix}${newName}" exists`);
    }
    if (inode.kind === "file") {
      if (target?.kind === "directory") {
        throw new FsError("EISDIR", `"${target.prefix}" is a directory`);
      }
      await this.#renameFile(inode, to, newName, target, context);
    } else {
      if (target?.kind === "file") {
        throw new FsError("ENOTDIR", `"${target.key}" is not a directory`);
      }
      if (isBelow(to, inode)) throw new FsError("EINVAL", "A directory cannot move into itself");
      if (target !== undefined) await this.#remove.rmdir(toNumber, newName, context);
      await this.#directoryLock.run(
        "directories",
        () => this.#renameDirectory(inode, to, newName, context.signal),
      );
    }
    for (const directory of [from, to]) {
      directory.changed = this.#volume.now();
      directory.ctime = directory.changed;
    }
    await this.#remove.keepDirectory(from, context.signal);
  }

  async #renameFile(
    inode: FileInode,
    to: DirectoryInode,
    newName: string,
    target: FileInode | undefined,
    context: OpContext,
  ): Promise<void> {
    await this.#locked([inode, ...(target === undefined ? [] : [target])], async () => {
      if (target !== undefined) await this.#content.keepForHandles(target, context.signal);
      if (inode.source === undefined) this.#moveLocal(inode, to, newName, target);
      else await this.#moveObject(inode, to, newName, target, context.signal);
    });
    if (target !== undefined) await this.#content.released(target);
    // No close will come that uploads it: it failed to upload before, under its old name.
    if (inode.dirty && inode.handles === 0) await this.#content.persist(inode, context.signal);
  }

  /** Nothing of the file is in S3 yet: its upload will go to the new name, and replace what is there. */
  #moveLocal(
    inode: FileInode,
    to: DirectoryInode,
    newName: string,
    target: FileInode | undefined,
  ): void {
    if (target !== undefined) this.#remove.drop(target);
    this.#volume.inodes.move(inode, to, newName);
    inode.ctime = this.#volume.now();
  }

  async #moveObject(
    inode: FileInode,
    to: DirectoryInode,
    newName: string,
    target: FileInode | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, listings, attributes } = this.#volume.options;
    const { name } = inode;
    const oldPrefix = inode.parent!.prefix;
    const oldKey = inode.key!;
    const source = inode.source!;
    // No time limit of ours: the server copies for as long as the object is large.
    const copied = await store.copy(
      { key: oldKey, ifMatch: source.etag },
      to.prefix + newName,
      inode.storageClass === undefined ? {} : { storageClass: inode.storageClass },
      signal,
    );
    const entry = {
      ...inode.listed(),
      etag: copied.etag,
      // The copy's own LastModified is now; rename(2) does not change the mtime.
      attributes: { mtime: timespecOfMs(inode.lastModifiedMs), ...inode.attributes },
    };
    if (target !== undefined) this.#remove.drop(target);
    this.#volume.inodes.move(inode, to, newName);
    source.etag = copied.etag;
    inode.attributes = entry.attributes;
    inode.ctime = this.#volume.now();
    attributes.remember(to.prefix, newName, copied.etag, entry.attributes);
    listings.set(to.prefix, newName, entry);
    await this.#volume.timed(signal, (signal) => store.delete(oldKey, signal));
    attributes.forget(oldPrefix, name);
    listings.set(oldPrefix, name, undefined);
  }

  async #renameDirectory(
    inode: DirectoryInode,
    to: DirectoryInode,
    newName: string,
    signal: AbortSignal,
  ): Promise<void> {
    const oldPrefix = inode.prefix;
    const newPrefix = `${to.prefix}${newName}/`;
    const from = inode.parent!;
    const { name } = inode;
    const { listings, attributes } = this.#volume.options;

    const copied = new Map<string, Copied>();
    try {
      await this.#copyTree(oldPrefix, newPrefix, copied, signal);
    } catch (error) {
      const copies = [...copied.keys()].map((key) => newPrefix + key.slice(oldPrefix.length));
      // With a signal of its own: an interrupted rename must still be undone.
      await this.#deleteAll(copies, this.#volume.closing.signal).catch(() => {});
      throw error;
    }
    this.#volume.inodes.move(inode, to, newName);
    inode.ctime = this.#volume.now();
    listings.moveTree(oldPrefix, newPrefix);
    attributes.moveTree(oldPrefix, newPrefix);
    listings.set(from.prefix, name, undefined);
    listings.set(to.prefix, newName, { kind: "directory", attributes: inode.attributes });
    attributes.forget(from.prefix, name);
    attributes.remember(to.prefix, newName, "", inode.attributes);
    // What was uploaded to the old names while the copies were made.
    await this.#copyTree(oldPrefix, newPrefix, copied, signal);
    this.#adopt(inode, newPrefix, copied, oldPrefix);
    await this.#deleteAll([...copied.keys()], signal);
  }

  /** Copies every key below `from` that `copied` does not have in its present version. */
  async #copyTree(
    from: string,
    to: string,
    copied: Map<string, Copied>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#volume.options;
    const slots = new Semaphore(COPIES_MAX);
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    const copyOne = async (object: ObjectInfo) => {
      const release = await slots.acquire(either);
      try {
        const { etag } = await this.#copyObject(object, to + object.key.slice(from.length), either);
        copied.set(object.key, { object, etag });
      } finally {
        release();
      }
    };
    let token: string | undefined;
    do {
      const page = await store.list(
        { prefix: from, ...(token === undefined ? {} : { token }) },
        signal,
      );
      const missing = page.objects.filter((o) => copied.get(o.key)?.object.etag !== o.etag);
      const results = await Promise.allSettled(
        missing.map((object) =>
          copyOne(object).catch((error: unknown) => {
            stop.abort(error);
            throw error;
          })
        ),
      );
      for (const result of results) if (result.status === "rejected") throw result.reason;
      token = page.nextToken;
    } while (token !== undefined);
  }

  async #copyObject(object: ObjectInfo, key: string, signal: AbortSignal): Promise<PutResult> {
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
    return await store.copy(
      { key: object.key, ifMatch: object.etag },
      key,
      storageClass === undefined ? {} : { storageClass },
      signal,
    );
  }

  async #deleteAll(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const { store } = this.#volume.options;
    for (let at = 0; at < keys.length; at += DELETE_MAX) {
      const failures = await store.deleteMany(keys.slice(at, at + DELETE_MAX), signal);
      const first = failures[0];
      if (first !== undefined) {
        throw new FsError(
          "EIO",
          `Cannot delete "${first.key}" after the rename: ${first.code}: ${first.message}` +
            ` (${failures.length} keys remain under their old names)`,
        );
      }
    }
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
      if (inode?.kind === "file" && inode.source?.etag === object.etag) inode.source.etag = etag;
    }
  }

  /** Runs `work` while no upload or other change of the inodes' objects is under way. */
  async #locked(inodes: readonly Inode[], work: () => Promise<void>): Promise<void> {
    // Always in the same order, so that two renames never wait for each other.
    const [first, ...rest] = [...inodes].sort((a, b) => a.number - b.number);
    if (first === undefined) return await work();
    await this.#volume.objectLock.run(first, () => this.#locked(rest, work));
  }
}

interface Copied {
  /** As it was copied. */
  readonly object: ObjectInfo;
  /** Of the copy. */
  readonly etag: string;
}

/** The inode at a path below a directory, if it is in memory. */
function descendant(directory: DirectoryInode, path: string): Inode | undefined {
  let inode: Inode | undefined = directory;
  for (const name of path.split("/")) {
    inode = inode?.kind === "directory" ? inode.children.get(name) : undefined;
  }
  return inode;
}

function isBelow(directory: DirectoryInode, ancestor: DirectoryInode): boolean {
  let at: DirectoryInode | undefined = directory;
  while (at !== undefined && at !== ancestor) at = at.parent;
  return at === ancestor;
}
