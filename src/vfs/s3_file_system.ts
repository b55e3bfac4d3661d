/**
 * A bucket as a file system: each operation of the `FileSystem` interface in a few lines, delegating
 * to the part that knows how.
 */
import type { BlockUsage } from "../cache/block_usage.ts";
import { type Conflict, Conflicts } from "./conflicts.ts";
import { Create } from "./create.ts";
import { EagerUploads } from "./eager_uploads.ts";
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
import type { SavedState } from "./handover/saved_state.ts";
import { Namespace } from "./namespace.ts";
import { OpenDirectories } from "./open_directories.ts";
import { OpenFiles } from "./open_files.ts";
import { LostAndFound } from "./lost_and_found.ts";
import { Recovery } from "./recovery.ts";
import { ReadFile } from "./read_file.ts";
import { Remove } from "./remove.ts";
import { Rename } from "./rename.ts";
import { RenameDirectory } from "./rename_directory.ts";
import { SendChanges } from "./send_changes.ts";
import { SendFile } from "./send_file.ts";
import { SendRemovals } from "./send_removals.ts";
import { SetAttributes } from "./set_attributes.ts";
import { SiblingReadahead } from "./sibling_readahead.ts";
import { Space } from "./space.ts";
import { STAT_FS } from "./stat_fs.ts";
import { Uploads, type UploadsStatus } from "./uploads.ts";
import { type Durability, Volume, type VolumeOptions } from "./volume.ts";
import { WriteBack } from "./write_back.ts";
import { Xattrs } from "./xattrs.ts";

export class S3FileSystem implements FileSystem {
  readonly #volume: Volume;
  readonly #namespace: Namespace;
  readonly #content: FileContent;
  readonly #directories: OpenDirectories;
  readonly #setAttributes: SetAttributes;
  readonly #create: Create;
  readonly #remove: Remove;
  readonly #rename: Rename;
  readonly #space: Space;
  readonly #xattrs: Xattrs;
  readonly #uploads: Uploads;
  readonly #conflicts: Conflicts;
  readonly #lostAndFound: LostAndFound;
  readonly #recovery: Recovery;
  readonly #siblings: SiblingReadahead;
  readonly #files: OpenFiles;

  constructor(options: VolumeOptions) {
    const volume = this.#volume = new Volume(options);
    const namespace = this.#namespace = new Namespace(volume);
    const content = this.#content = new FileContent(volume);
    const setAttributes = this.#setAttributes = new SetAttributes(volume, namespace, content);
    const lostAndFound = this.#lostAndFound = new LostAndFound(options.lostAndFound);
    const conflicts = this.#conflicts = new Conflicts(volume, lostAndFound);
    const remove = this.#remove = new Remove(volume, namespace, content, conflicts);
    const directories = new RenameDirectory(volume);
    volume.writeBack = new WriteBack(
      volume,
      new SendChanges(
        volume,
        new SendFile(volume, content, conflicts),
        new SendRemovals(volume, content, conflicts),
      ),
      options.lanes,
    );
    volume.eager = new EagerUploads(volume, content);
    this.#directories = new OpenDirectories(volume, namespace);
    this.#create = new Create(volume, namespace, content);
    this.#rename = new Rename(volume, namespace, content, remove, directories, conflicts);
    this.#space = new Space(volume, content);
    this.#xattrs = new Xattrs(volume, content, setAttributes);
    this.#uploads = new Uploads(volume);
    this.#siblings = new SiblingReadahead(volume, namespace);
    this.#files = new OpenFiles(volume, content, new ReadFile(volume, namespace), this.#siblings);
    this.#recovery = new Recovery(volume, conflicts, lostAndFound, this.#files, this.#directories);
    volume.log?.attach(volume, this.#files, this.#directories.handles);
  }

  /**
   * Puts back what an earlier run has left, in the journal and in `saved`: with that the mount is still
   * there. To be awaited before anything else; when it throws, only `giveUp` may be called.
   */
  recover(saved?: SavedState): Promise<void> {
    return this.#recovery.run(saved);
  }

  beforeReply(): void {
    this.#volume.log?.flush();
  }

  /** A file that the kernel knows from an earlier process, by its place alone. */
  awaken(ino: InodeNumber, context: OpContext): MaybePromise<void> {
    return this.#namespace.awaken(ino, context);
  }

  /** To be called once the kernel is attached. */
  setNotifier(notifier: CacheNotifier): void {
    this.#volume.notifier = notifier;
  }

  /** The bucket is in reach again: what could not be uploaded is tried at once. */
  retryUploads(): void {
    this.#volume.writeBack.retry();
  }

  /** The system has slept: the kernel is to ask again for names that it knows. */
  expireNames(): void {
    this.#volume.expireNames();
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

  /** Names of which two versions are kept. */
  conflicts(): readonly Conflict[] {
    return this.#conflicts.list();
  }

  /** What could neither be used nor thrown away: one line each. */
  problems(): readonly string[] {
    return this.#lostAndFound.problems();
  }

  /** Objects that cannot be shown as files, as far as directories were read. */
  get hiddenKeyCount(): number {
    return this.#volume.options.listings.hiddenKeyCount;
  }

  /** Brings everything to S3 that it does not have; see `Uploads.drain`. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#uploads.drain(signal);
  }

  /** Ends all work; what S3 does not have stays in the journal. */
  async close(): Promise<void> {
    this.#siblings.close();
    await this.#uploads.close();
    await this.#volume.options.listings.close();
  }

  /** Ends all work at once, and leaves everything as it is. */
  giveUp(): void {
    this.#volume.closing.abort(new DOMException("The mount ends", "AbortError"));
  }

  /** Throws when an invariant of the inode table does not hold. For tests. */
  checkInvariants(): void {
    this.#volume.inodes.checkInvariants();
  }

  /** Inodes and handles in memory. */
  counts(): { readonly inodes: number; readonly handles: number } {
    return {
      inodes: this.#volume.inodes.size,
      handles: this.#files.size + this.#directories.handles.size,
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

  readlink(ino: InodeNumber, context: OpContext): MaybePromise<string> {
    return this.#content.readLink(this.#volume.inodes.file(ino), context.signal);
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
    rdev: number,
    context: OpContext,
  ): Promise<Entry> {
    return this.#create.node(parent, name, mode, rdev, context);
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

  open(ino: InodeNumber, flags: number, context: OpContext): MaybePromise<OpenReply> {
    const inode = this.#volume.inodes.file(ino);
    const open = () => this.#files.open(inode, flags, false);
    return this.#namespace.confirm(inode, context.signal)?.then(open) ?? open();
  }

  async create(
    parent: InodeNumber,
    name: string,
    mode: number,
    flags: number,
    context: OpContext,
  ): Promise<CreateReply> {
    const inode = await this.#create.file(parent, name, mode, flags, context);
    const open = this.#files.open(inode, flags, true);
    return { entry: this.#namespace.entryOf(inode.parent!, inode), open };
  }

  read(
    _ino: InodeNumber,
    fh: HandleId,
    offset: number,
    size: number,
    context: OpContext,
  ): MaybePromise<readonly Uint8Array[]> {
    return this.#files.read(fh, offset, size, context);
  }

  write(
    _ino: InodeNumber,
    fh: HandleId,
    offset: number,
    data: Uint8Array<ArrayBuffer>,
    _context: OpContext,
  ): number {
    return this.#content.write(this.#files.writable(fh), offset, data);
  }

  /** Who only reads a file need not wait for what others have written to it. */
  flush(ino: InodeNumber, fh: HandleId, context: OpContext): MaybePromise<void> {
    const { writable, creates } = this.#files.get(fh);
    if (!writable && !creates) return;
    return this.#acknowledge(ino, this.#volume.options.durability, context);
  }

  fsync(
    ino: InodeNumber,
    _fh: HandleId,
    _datasync: boolean,
    context: OpContext,
  ): MaybePromise<void> {
    return this.#acknowledge(ino, this.#volume.options.fsync, context);
  }

  release(_ino: InodeNumber, fh: HandleId, _context: OpContext): void {
    this.#files.release(fh);
  }

  opendir(ino: InodeNumber, _flags: number, _context: OpContext): OpenReply {
    return this.#directories.open(ino);
  }

  readdir(
    _ino: InodeNumber,
    fh: HandleId,
    cookie: number,
    emit: (dirent: Dirent) => boolean,
    context: OpContext,
  ): MaybePromise<void> {
    return this.#directories.read(fh, cookie, emit, context);
  }

  /** Names that were changed are durable already; files that are being written for the first time are not. */
  fsyncdir(ino: InodeNumber): Promise<void> {
    return this.#content.saveNew(this.#volume.inodes.directory(ino));
  }

  releasedir(_ino: InodeNumber, fh: HandleId, _context: OpContext): void {
    this.#directories.release(fh);
  }

  statfs(): StatFs {
    return STAT_FS;
  }

  getxattr(ino: InodeNumber, name: string, context: OpContext): Promise<Uint8Array> {
    return this.#xattrs.get(ino, name, context);
  }

  listxattr(ino: InodeNumber): string[] {
    return this.#xattrs.list(ino);
  }

  setxattr(
    ino: InodeNumber,
    name: string,
    value: Uint8Array,
    flags: number,
    context: OpContext,
  ): Promise<void> {
    return this.#xattrs.set(ino, name, value, flags, context);
  }

  removexattr(ino: InodeNumber, name: string, context: OpContext): Promise<void> {
    return this.#xattrs.remove(ino, name, context);
  }

  fallocate(
    _ino: InodeNumber,
    fh: HandleId,
    mode: number,
    offset: number,
    length: number,
  ): void {
    this.#space.allocate(this.#files.writable(fh).inode, mode, offset, length);
  }

  lseek(_ino: InodeNumber, fh: HandleId, offset: number, whence: number): number {
    return this.#space.seek(this.#files.get(fh).inode, offset, whence);
  }

  copyFileRange(
    _ino: InodeNumber,
    fh: HandleId,
    offset: number,
    _inoOut: InodeNumber,
    fhOut: HandleId,
    offsetOut: number,
    length: number,
  ): number {
    const from = this.#files.get(fh).inode;
    return this.#space.copy(from, offset, this.#files.writable(fhOut).inode, offsetOut, length);
  }

  #acknowledge(ino: InodeNumber, durability: Durability, context: OpContext): MaybePromise<void> {
    const inode = this.#volume.inodes.file(ino);
    if (inode.pending) return this.#content.acknowledge(inode, durability, context.signal);
  }
}
