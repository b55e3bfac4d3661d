/**
 * rename(2). For a file it is two wishes: the new key is to have its content, the old one none. The
 * server copies the object and deletes the old one in the background; a file that S3 does not have yet
 * is simply uploaded under its new name. Directories: rename_directory.ts.
 */
import { neededKeyOf } from "./changes.ts";
import type { Conflicts } from "./conflicts.ts";
import { FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import type { FileContent } from "./file_content.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import type { Remove } from "./remove.ts";
import type { RenameDirectory } from "./rename_directory.ts";
import type { Volume } from "./volume.ts";

/** Flags of renameat2(2). Source: linux/fs.h. */
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** A name in a directory. */
interface Place {
  readonly directory: DirectoryInode;
  readonly name: string;
}

export class Rename {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;
  readonly #remove: Remove;
  readonly #directories: RenameDirectory;
  readonly #conflicts: Conflicts;

  constructor(
    volume: Volume,
    namespace: Namespace,
    content: FileContent,
    remove: Remove,
    directories: RenameDirectory,
    conflicts: Conflicts,
  ) {
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
    this.#remove = remove;
    this.#directories = directories;
    this.#conflicts = conflicts;
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
    if (flags !== 0 && flags !== RENAME_NOREPLACE && flags !== RENAME_EXCHANGE) {
      throw new FsError("EINVAL", "A name cannot be whited out in a bucket");
    }
    const from: Place = { directory: this.#volume.inodes.directory(fromNumber), name };
    const to: Place = { directory: this.#volume.inodes.directory(toNumber), name: newName };
    this.#volume.checkName(to.directory, newName);
    if (flags !== RENAME_EXCHANGE && await this.#wasDone(from, to, context)) return;
    if (flags === RENAME_EXCHANGE && context.isRepeated === true) {
      throw new FsError("EIO", `Nobody knows whether "${name}" and "${newName}" were exchanged`);
    }
    // Its content is durable before its new name is.
    const inode = await this.#durable(from, context.signal);
    if (flags === RENAME_EXCHANGE) return await this.#exchange(inode, from, to, context);
    const target = await this.#namespace.find(to.directory, newName, context.signal);
    if (target === inode) return;
    if (target !== undefined && flags === RENAME_NOREPLACE) {
      throw new FsError("EEXIST", `"${to.directory.prefix}${newName}" exists`);
    }
    if (to.directory.unlinked) throw new FsError("ENOENT", `"${to.directory.name}" was removed`);
    if (inode.kind === "file") {
      if (target?.kind === "directory") {
        throw new FsError("EISDIR", `"${target.prefix}" is a directory`);
      }
      await this.#renameFile(inode, from, to, target, context);
    } else {
      if (target?.kind === "file") {
        throw new FsError("ENOTDIR", `"${target.key}" is not a directory`);
      }
      checkNotBelow(to.directory, inode);
      if (target !== undefined) await this.#remove.checkEmpty(target, context.signal);
      const oldPrefix = inode.prefix;
      await this.#directories.rename(inode, to.directory, newName, target, context.signal);
      await this.#conflicts.forget(oldPrefix);
    }
    this.#touch(from, to);
    const kept = await this.#remove.keepDirectory(from.directory, context.signal);
    if (kept.length > 0) await this.#volume.acknowledge(kept, context.signal);
  }

  /** As `Remove.wasDone`; and what has lost that name bears the new one. */
  async #wasDone(from: Place, to: Place, context: OpContext): Promise<boolean> {
    if (context.isRepeated !== true) return false;
    const target = await this.#namespace.find(to.directory, to.name, context.signal);
    return target !== undefined && await this.#remove.wasDone(from.directory, from.name, context);
  }

  async #renameFile(
    inode: FileInode,
    from: Place,
    to: Place,
    target: FileInode | undefined,
    context: OpContext,
  ): Promise<void> {
    const { changes, writeBack, options: { listings } } = this.#volume;
    const newKey = to.directory.prefix + to.name;
    const needed = neededKeyOf(inode);
    using here = new DisposableStack();
    const isNested = needed !== undefined && areNested(newKey, needed);
    if (isNested) await this.#bringHere(inode, here, context.signal);
    else if (needed !== undefined && changes.makesCircle(newKey, needed)) {
      inode.handles++;
      try {
        await this.#volume.timed(context.signal, (signal) => writeBack.push(inode, signal));
      } finally {
        inode.handles--;
      }
    }
    const stillThere = inode.parent === from.directory && inode.name === from.name &&
      from.directory.children.get(from.name) === inode;
    const present = to.directory.children.get(to.name);
    if (!stillThere || (present !== undefined && present !== target)) {
      throw new FsError("EBUSY", `"${from.name}" or "${to.name}" was changed at the same time`);
    }
    // An upload of it may have come to its end meanwhile.
    if (isNested) inode.uploadedGeneration = undefined;
    const oldKey = inode.key!;
    const remoteOld = inode.moved ? undefined : inode.source?.etag;
    const remoteNew = target === undefined || target.moved ? undefined : target.source?.etag;
    if (target !== undefined) this.#replace(target);
    this.#volume.inodes.move(inode, to.directory, to.name);
    changes.wantRemoved(oldKey, remoteOld, inode);
    changes.want(inode, remoteNew);
    inode.ctime = this.#volume.now();
    listings.set(from.directory.prefix, from.name, undefined);
    if (inode.source !== undefined) listings.set(to.directory.prefix, to.name, inode.listed());
    // What is staged of the target stays until the journal does not name it any more.
    if (target !== undefined) target.handles++;
    try {
      await this.#volume.acknowledge([oldKey, newKey], context.signal);
      await this.#conflicts.forget(oldKey);
    } finally {
      if (target !== undefined) {
        target.handles--;
        this.#content.released(target);
      }
    }
  }

  /** Takes the name from a file whose key goes to another one. */
  #replace(target: FileInode): void {
    target.pending = false;
    target.unlinked = true;
    target.ctime = this.#volume.now();
    this.#volume.log?.touched(target);
    if (target.handles > 0) this.#volume.orphans.add(target);
    this.#volume.inodes.detach(target);
  }

  async #exchange(inode: Inode, from: Place, to: Place, context: OpContext): Promise<void> {
    const other = await this.#durable(to, context.signal);
    if (other === inode) return;
    if (inode.kind === "directory") checkNotBelow(to.directory, inode);
    if (other.kind === "directory") checkNotBelow(from.directory, other);
    if (inode.kind === "file" && other.kind === "file") {
      await this.#exchangeFiles(inode, other, context);
    } else {
      await this.#exchangeTrees(from, to, context);
    }
    this.#touch(from, to);
  }

  async #exchangeFiles(a: FileInode, b: FileInode, context: OpContext): Promise<void> {
    const { changes, options: { listings } } = this.#volume;
    const keyA = a.key!;
    const keyB = b.key!;
    // Two copies that need each other's place could never be made: one content is brought here.
    const [smaller, larger] = a.size <= b.size ? [a, b] : [b, a];
    using here = new DisposableStack();
    await this.#bringHere(smaller, here, context.signal);
    const needed = neededKeyOf(larger);
    const isCircle = needed !== undefined &&
      (areNested(smaller.key!, needed) || changes.makesCircle(smaller.key!, needed));
    if (isCircle) await this.#bringHere(larger, here, context.signal);
    if (a.key !== keyA || b.key !== keyB) {
      throw new FsError("EBUSY", `"${a.name}" or "${b.name}" was changed at the same time`);
    }
    // An upload of it may have come to its end meanwhile.
    for (const inode of isCircle ? [a, b] : [smaller]) inode.uploadedGeneration = undefined;
    const remoteA = a.moved ? undefined : a.source?.etag;
    const remoteB = b.moved ? undefined : b.source?.etag;
    this.#volume.inodes.exchange(a, b);
    changes.want(a, remoteB);
    changes.want(b, remoteA);
    for (const inode of [a, b]) {
      inode.ctime = this.#volume.now();
      if (inode.source !== undefined) {
        listings.set(inode.parent!.prefix, inode.name, inode.listed());
      }
    }
    await this.#volume.acknowledge([keyA, keyB], context.signal);
    for (const key of [keyA, keyB]) await this.#conflicts.forget(key);
  }

  /** Makes the local file the whole content, durably; it is kept until `here` is disposed of. */
  async #bringHere(inode: FileInode, here: DisposableStack, signal: AbortSignal): Promise<void> {
    inode.handles++;
    here.defer(() => {
      inode.handles--;
      this.#content.released(inode);
    });
    await this.#content.bringHere(inode, signal);
    await this.#volume.changes.sync(inode);
  }

  /** Where directories are involved: by a third name. */
  async #exchangeTrees(from: Place, to: Place, context: OpContext): Promise<void> {
    const third: Place = { directory: from.directory, name: `.exchange-${crypto.randomUUID()}` };
    const steps: readonly (readonly [Place, Place])[] = [[from, third], [to, from], [third, to]];
    const done: (readonly [Place, Place])[] = [];
    try {
      for (const [a, b] of steps) {
        await this.#move(a, b, context);
        done.unshift([b, a]);
      }
    } catch (error) {
      for (const [a, b] of done) await this.#move(a, b, context);
      throw error;
    }
  }

  #move(a: Place, b: Place, context: OpContext): Promise<void> {
    return this.rename(a.directory.number, a.name, b.directory.number, b.name, 0, context);
  }

  /** The inode of a name, with all that is staged of it durable. Throws ENOENT. */
  async #durable({ directory, name }: Place, signal: AbortSignal): Promise<Inode> {
    const inode = await this.#namespace.get(directory, name, signal);
    if (inode.kind === "file" && inode.dirty) await this.#volume.changes.sync(inode);
    return inode;
  }

  #touch(...places: readonly Place[]): void {
    for (const { directory } of places) {
      directory.changed = this.#volume.now();
      directory.ctime = directory.changed;
      this.#volume.log?.touched(directory);
    }
  }
}

/** Throws EINVAL when `directory` is `ancestor` or lies below it. */
function checkNotBelow(directory: DirectoryInode, ancestor: DirectoryInode): void {
  for (let at: DirectoryInode | undefined = directory; at !== undefined; at = at.parent) {
    if (at === ancestor) throw new FsError("EINVAL", "A directory cannot move into itself");
  }
}

/** True for "a" and "a/b": not every server can have both at once, so one cannot be copied to the other. */
function areNested(a: string, b: string): boolean {
  return a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
}
