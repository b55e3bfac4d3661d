/** Making files, directories, symbolic links and other nodes. */
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../base/posix.ts";
import type { PosixAttributes } from "../listings/posix_metadata.ts";
import { modeOf, newAttributes } from "./attr.ts";
import type { FileContent } from "./file_content.ts";
import { type Entry, FsError, type InodeNumber, type OpContext } from "./file_system.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import type { Namespace } from "./namespace.ts";
import { O_EXCL } from "./open_flags.ts";
import type { Volume } from "./volume.ts";

/** PATH_MAX less the NUL: what a symbolic link can hold. */
const TARGET_MAX = 4095;
const S_ISGID = 0o2000;
const NODE_TYPES: ReadonlySet<number> = new Set([S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK]);
const DEVICE_TYPES: ReadonlySet<number> = new Set([S_IFCHR, S_IFBLK]);

export class Create {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;

  constructor(volume: Volume, namespace: Namespace, content: FileContent) {
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
  }

  /** The inode of open(O_CREAT): a new file, only here until it is closed, or the one that is there. */
  async file(
    number: InodeNumber,
    name: string,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<FileInode> {
    const parent = this.#parent(number);
    this.#volume.checkName(parent, name);
    const found = await this.#namespace.find(parent, name, context.signal);
    if (found !== undefined) {
      // Made by the same call before: it is nowhere but here.
      const isOwn = context.isRepeated === true && found.kind === "file" &&
        found.source === undefined;
      if ((flags & O_EXCL) !== 0 && !isOwn) throw exists(parent, name);
      if (found.kind === "directory") {
        throw new FsError("EISDIR", `"${found.prefix}" is a directory`);
      }
      return found;
    }
    const attributes = this.#newAttributes(parent, S_IFREG | (mode & ~S_IFMT), context);
    return this.#newFile(parent, name, attributes, new Uint8Array(0));
  }

  async directory(
    number: InodeNumber,
    name: string,
    mode: number,
    context: OpContext,
  ): Promise<Entry> {
    const made = await this.#madeBefore(number, name, S_IFDIR, context);
    if (made !== undefined) return made;
    const parent = await this.#freeName(number, name, context);
    const inherited = modeOf(this.#volume.options, parent) & S_ISGID;
    const key = `${parent.prefix}${name}/`;
    // Emptied here but not yet in S3: then there is something to be listed below it.
    const isKnown = this.#volume.changes.get(key) !== undefined;
    const inode = this.#volume.inodes.addDirectory(parent, name);
    inode.isNew = !isKnown;
    inode.ctime = this.#volume.now();
    inode.setAttributes(
      this.#newAttributes(parent, S_IFDIR | inherited | (mode & ~S_IFMT), context),
    );
    this.#volume.changes.want(inode, undefined);
    if (!isKnown) this.#volume.options.listings.setEmpty(key);
    this.#touch(parent);
    return await this.#acknowledge(parent, inode, key, context);
  }

  async symlink(
    number: InodeNumber,
    name: string,
    target: string,
    context: OpContext,
  ): Promise<Entry> {
    const body = new TextEncoder().encode(target);
    if (body.byteLength > TARGET_MAX) {
      throw new FsError("ENAMETOOLONG", `A link's target has at most ${TARGET_MAX} bytes`);
    }
    const made = await this.#madeBefore(number, name, S_IFLNK, context);
    if (made !== undefined) return made;
    const parent = await this.#freeName(number, name, context);
    const attributes = { ...this.#newAttributes(parent, S_IFLNK | 0o777, context), target };
    return await this.#wholeFile(parent, name, attributes, body, context);
  }

  /** mknod(2): what is not a regular file is an empty object whose metadata says what it is. */
  async node(
    number: InodeNumber,
    name: string,
    mode: number,
    rdev: number,
    context: OpContext,
  ): Promise<Entry> {
    const type = (mode & S_IFMT) === 0 ? S_IFREG : mode & S_IFMT;
    if (!NODE_TYPES.has(type)) throw new FsError("EINVAL", `mknod cannot make a type ${type}`);
    const made = await this.#madeBefore(number, name, type, context);
    if (made !== undefined) return made;
    const parent = await this.#freeName(number, name, context);
    const attributes = {
      ...this.#newAttributes(parent, type | (mode & ~S_IFMT), context),
      ...(DEVICE_TYPES.has(type) ? { rdev } : {}),
    };
    return await this.#wholeFile(parent, name, attributes, new Uint8Array(0), context);
  }

  /** A file that is complete at once. */
  async #wholeFile(
    parent: DirectoryInode,
    name: string,
    attributes: PosixAttributes,
    body: Uint8Array<ArrayBuffer>,
    context: OpContext,
  ): Promise<Entry> {
    const inode = this.#newFile(parent, name, attributes, body);
    await this.#volume.changes.sync(inode);
    return await this.#acknowledge(parent, inode, parent.prefix + name, context);
  }

  #newFile(
    parent: DirectoryInode,
    name: string,
    attributes: PosixAttributes,
    body: Uint8Array<ArrayBuffer>,
  ): FileInode {
    // First of all: it fails when the disk is full.
    const staged = this.#volume.options.staging.create(undefined);
    if (body.byteLength > 0) staged.write(body, 0);
    const inode = this.#volume.inodes.addFile(parent, name);
    inode.staged = staged;
    inode.setAttributes(attributes);
    inode.ctime = this.#volume.now();
    inode.changedMs = this.#volume.options.clock.monotonicMs();
    this.#content.want(inode);
    this.#touch(parent);
    return inode;
  }

  /** The new inode's entry, when it is durable. */
  async #acknowledge(
    parent: DirectoryInode,
    inode: Inode,
    key: string,
    context: OpContext,
  ): Promise<Entry> {
    const entry = this.#namespace.entryOf(parent, inode);
    try {
      await this.#volume.acknowledge([key], context.signal);
      return entry;
    } catch (error) {
      // Who made it hears that it may not be kept; the kernel does not count it.
      this.#volume.inodes.forget(inode.number, 1);
      throw error;
    }
  }

  /**
   * What a call that is repeated has made before, without getting its answer: the kernel asked for it
   * because the name was free, and lets nobody else use the name meanwhile.
   */
  async #madeBefore(
    number: InodeNumber,
    name: string,
    type: number,
    context: OpContext,
  ): Promise<Entry | undefined> {
    if (context.isRepeated !== true) return undefined;
    const parent = this.#parent(number);
    const found = await this.#namespace.find(parent, name, context.signal);
    if (found?.type !== type) return undefined;
    const key = found.kind === "directory" ? found.prefix : found.key!;
    return await this.#acknowledge(parent, found, key, context);
  }

  /** The directory in which `name` is free. Throws EEXIST. */
  async #freeName(number: InodeNumber, name: string, context: OpContext): Promise<DirectoryInode> {
    const parent = this.#parent(number);
    this.#volume.checkName(parent, name);
    if (await this.#namespace.find(parent, name, context.signal) !== undefined) {
      throw exists(parent, name);
    }
    return parent;
  }

  #parent(number: InodeNumber): DirectoryInode {
    this.#volume.checkWritable();
    const parent = this.#volume.inodes.directory(number);
    if (parent.unlinked) throw new FsError("ENOENT", `"${parent.name}" was removed`);
    return parent;
  }

  /** In a directory with the set-group-id bit, what is made belongs to the directory's group. */
  #newAttributes(parent: DirectoryInode, mode: number, context: OpContext): PosixAttributes {
    const { options } = this.#volume;
    const takesGroup = (modeOf(options, parent) & S_ISGID) !== 0;
    const gid = takesGroup ? parent.attributes.gid ?? options.gid : context.gid;
    return newAttributes(options, mode, { uid: context.uid, gid }, this.#volume.now());
  }

  #touch(directory: DirectoryInode): void {
    directory.changed = this.#volume.now();
    directory.ctime = directory.changed;
    this.#volume.log?.touched(directory);
  }
}

function exists(parent: DirectoryInode, name: string): FsError {
  return new FsError("EEXIST", `"${parent.prefix}${name}" exists`);
}
