/** unlink and rmdir. */
import { Deadline } from "../base/clock.ts";
import type { FileContent } from "./file_content.ts";
import type { Conflicts } from "./conflicts.ts";
import { FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import type { DirectoryInode, Inode } from "./inode.ts";
import { hasLocal, type Namespace } from "./namespace.ts";
import { StoreError } from "../s3/errors.ts";
import type { Volume } from "./volume.ts";

/** Where an older answer is known, or none is needed, S3 gets so long to give a newer one. */
const PATIENCE_MS = 2000;

export class Remove {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;
  readonly #conflicts: Conflicts;

  constructor(volume: Volume, namespace: Namespace, content: FileContent, conflicts: Conflicts) {
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
    this.#conflicts = conflicts;
  }

  async unlink(number: InodeNumber, name: string, context: OpContext): Promise<void> {
    this.#volume.checkWritable();
    const parent = this.#volume.inodes.directory(number);
    if (await this.wasDone(parent, name, context)) return;
    const inode = await this.#namespace.get(parent, name, context.signal);
    if (inode.kind === "directory") {
      throw new FsError("EISDIR", `"${inode.prefix}" is a directory`);
    }
    const key = inode.key!;
    this.drop(inode);
    // What is staged of it stays until the journal does not name it any more.
    inode.handles++;
    try {
      const keys = [key, ...await this.keepDirectory(parent, context.signal)];
      await this.#volume.acknowledge(keys, context.signal);
      await this.#conflicts.forget(key);
    } finally {
      inode.handles--;
      this.#content.released(inode);
    }
  }

  async rmdir(number: InodeNumber, name: string, context: OpContext): Promise<void> {
    this.#volume.checkWritable();
    const parent = this.#volume.inodes.directory(number);
    if (await this.wasDone(parent, name, context)) return;
    const inode = await this.#namespace.get(parent, name, context.signal);
    if (inode.kind === "file") throw new FsError("ENOTDIR", `"${inode.key}" is not a directory`);
    const { prefix } = inode;
    await this.checkEmpty(inode, context.signal);
    this.drop(inode);
    const keys = [prefix, ...await this.keepDirectory(parent, context.signal)];
    await this.#volume.acknowledge(keys, context.signal);
  }

  /**
   * True when a call that is repeated has taken the name away before, without getting its answer: the
   * kernel asked for it because the name was there. What is left to do of it is done.
   */
  async wasDone(parent: DirectoryInode, name: string, context: OpContext): Promise<boolean> {
    if (context.isRepeated !== true) return false;
    if (await this.#namespace.find(parent, name, context.signal) !== undefined) return false;
    const kept = await this.keepDirectory(parent, context.signal);
    if (kept.length > 0) await this.#volume.acknowledge(kept, context.signal);
    return true;
  }

  /** Throws ENOTEMPTY. */
  async checkEmpty(inode: DirectoryInode, signal: AbortSignal): Promise<void> {
    if (!hasLocal(inode) && await this.#isEmpty(inode, signal)) return;
    this.#volume.options.listings.expire(inode.prefix);
    throw new FsError("ENOTEMPTY", `"${inode.prefix}" is not empty`);
  }

  /** Takes the name from an inode, and wishes its key away; open handles keep the inode. */
  drop(inode: Inode): void {
    const { changes, inodes, options, orphans } = this.#volume;
    const parent = inode.parent!;
    const { prefix } = parent;
    const { name } = inode;
    if (inode.kind === "file") {
      const remote = inode.moved ? undefined : inode.source?.etag;
      changes.wantRemoved(inode.key!, remote, inode);
      if (inode.handles > 0) orphans.add(inode);
    } else {
      changes.wantRemoved(inode.prefix, undefined, inode);
      options.listings.forgetTree(inode.prefix);
    }
    options.listings.set(prefix, name, undefined);
    inode.unlinked = true;
    inode.ctime = this.#volume.now();
    parent.changed = inode.ctime;
    parent.ctime = inode.ctime;
    this.#volume.log?.touched(parent);
    inodes.detach(inode);
  }

  /**
   * A directory without an object of its own exists by the keys below it only. When the last of them
   * goes, the directory must not go with it, so it gets its own object. Returns its key if so.
   */
  async keepDirectory(directory: DirectoryInode, signal: AbortSignal): Promise<string[]> {
    if (directory.parent === undefined || directory.unlinked || directory.pending) return [];
    const { changes, options: { listings } } = this.#volume;
    const { prefix } = directory;
    const isRemoved = (path: string) =>
      changes.isRemoved(prefix + path) || changes.isRemoved(`${prefix}${path}/`);
    let isEmpty = listings.isEmptyWithoutMarker(prefix, isRemoved);
    if (isEmpty === false || hasLocal(directory)) return [];
    if (isEmpty === undefined) {
      // What cannot be told soon is taken for empty: an object too many does no harm.
      using patience = new Deadline(signal, PATIENCE_MS);
      isEmpty = await this.#hasNone(directory, () => false, patience.signal).catch(() => true);
    }
    if (!isEmpty || directory.unlinked) return [];
    changes.want(directory, undefined);
    return [prefix];
  }

  /**
   * Asked anew where possible: deleting the marker of a directory that somebody else has filled would
   * show it again at once.
   */
  async #isEmpty(directory: DirectoryInode, signal: AbortSignal): Promise<boolean> {
    if (directory.isNew) return true;
    const { listings } = this.#volume.options;
    const known = listings.isEmpty(directory.prefix);
    using patience = new Deadline(
      signal,
      known === undefined ? this.#volume.options.operationTimeoutMs : PATIENCE_MS,
    );
    try {
      return await this.#hasNone(directory, (key) => key === directory.prefix, patience.signal);
    } catch (error) {
      const away = (error instanceof StoreError && error.retryable) ||
        error instanceof DOMException;
      signal.throwIfAborted();
      if (!away || known === undefined) throw error;
      return known;
    }
  }

  async #hasNone(
    directory: DirectoryInode,
    isIgnored: (key: string) => boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { changes, options: { store } } = this.#volume;
    const { prefix } = directory;
    // A removal may come to its end after the page was made: what is removed by now counts as well.
    const removed = new Set<string>();
    for (const { key, wish } of changes.values()) {
      if (wish.kind === "removal" && key.startsWith(prefix)) removed.add(key);
    }
    return await this.#volume.timed(signal, async (signal) => {
      let token: string | undefined;
      do {
        const page = await store.list(
          { prefix, ...(token === undefined ? {} : { token }) },
          signal,
        );
        const other = page.objects.some(({ key }) =>
          !isIgnored(key) && !removed.has(key) && !changes.isRemoved(key)
        );
        if (other) return false;
        token = page.nextToken;
      } while (token !== undefined);
      return true;
    });
  }
}
