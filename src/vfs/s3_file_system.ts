/**
 * A bucket as a file system: each operation of the `FileSystem` interface in a few lines, delegating
 * to the part that knows how.
 */
import { S_IFLNK, S_IFMT } from "../base/posix.ts";
import type { BlockUsage } from "../cache/block_cache.ts";
import { FileReader } from "../content/file_reader.ts";
import { modeOf } from "./attr.ts";
import { Create } from "./create.ts";
import { FileContent } from "./file_content.ts";
import type {
  AttrChanges,
  AttrReply,
  CacheNotifier,
  CreateReply,
  Dirent,
  Entry,
  FileSystem,
  HandleId,
  InodeNumber,
  MaybePromise,
  OpContext,
  OpenReply,
  StatFs,
} from "./file_system.ts";
import { FsError } from "./file_system.ts";
import { type DirectoryHandle, type FileHandle, HandleTable } from "./handle_table.ts";
import type { FileInode } from "./inode.ts";
import { Namespace } from "./namespace.ts";
import { O_TRUNC, opensForWriting } from "./open_flags.ts";
import { ReadDirectory } from "./read_directory.ts";
import { Remove } from "./remove.ts";
import { Rename } from "./rename.ts";
import { SetAttributes } from "./set_attributes.ts";
import { Uploads, type UploadsStatus } from "./uploads.ts";
import { Volume, type VolumeOptions } from "./volume.ts";
import { NAME_MAX } from "../cache/names.ts";

/** A bucket has no size: what statfs(2) tells is large enough for every program. */
const CAPACITY_BYTES = 2 ** 50;
const STATFS_BLOCK = 4096;

export class S3FileSystem implements FileSystem {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;
  readonly #directories: ReadDirectory;
  readonly #setAttributes: SetAttributes;
  readonly #create: Create;
  readonly #remove: Remove;
  readonly #rename: Rename;
  readonly #uploads: Uploads;
  readonly #files = new HandleTable<FileHandle>();
  readonly #openDirectories = new HandleTable<DirectoryHandle>();

  constructor(options: VolumeOptions) {
    const volume = new Volume(options);
    const namespace = new Namespace(volume);
    const content = new FileContent(volume, namespace);
    const setAttributes = new SetAttributes(volume, namespace, content);
    const remove = new Remove(volume, namespace, content, setAttributes);
    this.#volume = volume;
    this.#namespace = namespace;
    this.#content = content;
    this.#directories = new ReadDirectory(volume, namespace);
    this.#setAttributes = setAttributes;
    this.#create = new Create(volume, namespace, content, setAttributes);
    this.#remove = remove;
    this.#rename = new Rename(volume, namespace, content, remove);
    this.#uploads = new Uploads(volume, content);
  }

  /** To be called once the kernel is attached. */
  setNotifier(notifier: CacheNotifier): void {
    this.#volume.notifier = notifier;
  }

  /** What is not in S3 yet, and why. */
  uploads(): UploadsStatus {
    return this.#uploads.status();
  }

  /** What of the block cache this file system uses. */
  cacheUsage(): BlockUsage {
    const { blocks, store } = this.#volume.options;
    return blocks.usage(store);
  }

  /** Objects that cannot be shown as files, as far as directories were read. */
  get hiddenKeyCount(): number {
    return this.#volume.options.listings.hiddenKeyCount;
  }

  /** Tries to upload everything that S3 does not have, also what failed before. Throws the first failure. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#uploads.drain(signal);
  }

  /** Ends all work; staged files that could not be uploaded are left on the disk with a note each. */
  close(): Promise<void> {
    return this.#uploads.close();
  }

  /** Throws when an invariant of the inode table does not hold. For tests. */
  checkInvariants(): void {
    this.#volume.inodes.checkInvariants();
  }

  /** Inodes and handles in memory. */
  counts(): { readonly inodes: number; readonly handles: number } {
    return {
      inodes: this.#volume.inodes.size,
      handles: this.#files.size + this.#openDirectories.size,
    };
  }

  lookup(parent: InodeNumber, name: string, context: OpContext): MaybePromise<Entry> {
    return this.#namespace.lookup(parent, name, context);
  }

  forget(ino: InodeNumber, count: number): void {
    this.#volume.inodes.forget(ino, count);
  }

  getattr(
    ino: InodeNumber,
    _fh: HandleId | undefined,
    context: OpContext,
  ): MaybePromise<AttrReply> {
    return this.#namespace.getattr(ino, context);
  }

  setattr(
    ino: InodeNumber,
    changes: AttrChanges,
    fh: HandleId | undefined,
    context: OpContext,
  ): Promise<AttrReply> {
    return this.#setAttributes.setattr(ino, changes, fh, context);
  }

  async readlink(ino: InodeNumber, context: OpContext): Promise<string> {
    const inode = this.#volume.inodes.file(ino);
    if (!inode.isSymlink) throw new FsError("EINVAL", `"${inode.key}" is not a symbolic link`);
    if (inode.attributes.target === undefined) {
      const reader = new FileReader(this.#volume.options.blocks, this.#volume.options.clock);
      try {
        const source = inode.source!;
        const views = await this.#volume.timed(
          context.signal,
          async (signal) => await reader.read(source, 0, source.size, signal),
        );
        const target = await new Blob(views.map((view) => new Uint8Array(view))).text();
        inode.attributes = { ...inode.attributes, target };
      } finally {
        reader.close();
      }
    }
    return inode.attributes.target!;
  }

  symlink(
    parent: InodeNumber,
    name: string,
    target: string,
    context: OpContext,
  ): Promise<Entry> {
    return this.#create.symlink(parent, name, target, context);
  }

  mknod(
    parent: InodeNumber,
    name: string,
    mode: number,
    _rdev: number,
    context: OpContext,
  ): Promise<Entry> {
    return this.#create.node(parent, name, mode, context);
  }

  mkdir(parent: InodeNumber, name: string, mode: number, context: OpContext): Promise<Entry> {
    return this.#create.directory(parent, name, mode, context);
  }

  unlink(parent: InodeNumber, name: string, context: OpContext): Promise<void> {
    return this.#remove.unlink(parent, name, context);
  }

  rmdir(parent: InodeNumber, name: string, context: OpContext): Promise<void> {
    return this.#remove.rmdir(parent, name, context);
  }

  rename(
    parent: InodeNumber,
    name: string,
    newParent: InodeNumber,
    newName: string,
    flags: number,
    context: OpContext,
  ): Promise<void> {
    return this.#rename.rename(parent, name, newParent, newName, flags, context);
  }

  link(): never {
    throw new FsError("EPERM", "An object has one name: hard links are not possible in a bucket");
  }

  open(ino: InodeNumber, flags: number, _context: OpContext): OpenReply {
    const inode = this.#volume.inodes.file(ino);
    if (opensForWriting(flags)) this.#volume.checkWritable();
    if ((flags & O_TRUNC) !== 0) this.#content.truncate(inode, 0);
    return this.#open(inode, flags);
  }

  async create(
    parent: InodeNumber,
    name: string,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<CreateReply> {
    const inode = await this.#create.file(parent, name, mode, flags, context);
    if ((flags & O_TRUNC) !== 0) this.#content.truncate(inode, 0);
    const open = this.#open(inode, flags);
    return { entry: this.#namespace.entryOf(inode.parent!, inode), open };
  }

  read(
    _ino: InodeNumber,
    fh: HandleId,
    offset: number,
    size: number,
    context: OpContext,
  ): MaybePromise<readonly Uint8Array[]> {
    return this.#content.read(this.#files.get(fh), offset, size, context);
  }

  write(
    _ino: InodeNumber,
    fh: HandleId,
    offset: number,
    data: Uint8Array<ArrayBuffer>,
    _context: OpContext,
  ): number {
    const handle = this.#files.get(fh);
    if (!handle.writable) throw new FsError("EBADF", "The file was opened for reading only");
    return this.#content.write(handle, offset, data);
  }

  /** Who only reads a file need not wait for what others have written to it. */
  flush(ino: InodeNumber, fh: HandleId, context: OpContext): MaybePromise<void> {
    if (this.#files.get(fh).writable) return this.#persist(ino, context);
  }

  fsync(
    ino: InodeNumber,
    _fh: HandleId,
    _datasync: boolean,
    context: OpContext,
  ): MaybePromise<void> {
    return this.#persist(ino, context);
  }

  async release(_ino: InodeNumber, fh: HandleId, _context: OpContext): Promise<void> {
    const handle = this.#files.remove(fh);
    if (handle === undefined) return;
    handle.reader.close();
    await this.#content.released(handle.inode);
  }

  opendir(ino: InodeNumber, _flags: number, _context: OpContext): OpenReply {
    const inode = this.#volume.inodes.directory(ino);
    return { fh: this.#openDirectories.add({ inode, snapshot: undefined }) };
  }

  readdir(
    _ino: InodeNumber,
    fh: HandleId,
    cookie: number,
    emit: (dirent: Dirent) => boolean,
    context: OpContext,
  ): MaybePromise<void> {
    return this.#directories.read(this.#openDirectories.get(fh), cookie, emit, context);
  }

  /** A directory's changes are in S3 when the operations that made them return. */
  fsyncdir(): void {}

  releasedir(_ino: InodeNumber, fh: HandleId, _context: OpContext): void {
    const handle = this.#openDirectories.remove(fh);
    if (handle !== undefined) this.#volume.inodes.release(handle.inode);
  }

  statfs(): StatFs {
    const blocks = CAPACITY_BYTES / STATFS_BLOCK;
    return {
      blockSize: STATFS_BLOCK,
      blocks,
      blocksFree: blocks,
      files: 2 ** 32 - 1,
      filesFree: 2 ** 32 - 1,
      nameMax: NAME_MAX,
    };
  }

  #open(inode: FileInode, flags: number): OpenReply {
    if ((modeOf(this.#volume.options, inode) & S_IFMT) === S_IFLNK) {
      throw new FsError("ELOOP", `"${inode.key}" is a symbolic link`);
    }
    const sourceId = inode.source?.id;
    // The kernel's pages are of the content opened last; only a change in S3 makes another one.
    const keepCache = inode.staged !== undefined || sourceId === inode.openedSourceId;
    inode.openedSourceId = sourceId;
    const fh = this.#files.add({
      inode,
      writable: opensForWriting(flags),
      reader: new FileReader(this.#volume.options.blocks, this.#volume.options.clock),
    });
    return { fh, keepCache };
  }

  #persist(ino: InodeNumber, context: OpContext): MaybePromise<void> {
    const inode = this.#volume.inodes.file(ino);
    if (inode.dirty && !inode.unlinked) return this.#content.persist(inode, context.signal);
  }
}
