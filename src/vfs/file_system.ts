/**
 * The file-system interface: POSIX operations on inodes and handles, free of any kernel structure, so
 * that FUSE, an NFS server and commands without a mount can all be served by one implementation.
 *
 * - Names are decoded UTF-8 without "/" or NUL; the caller refuses others before it gets here.
 * - An operation fails by throwing `FsError` (or an error that errno_map.ts knows).
 * - A method that is absent means ENOSYS.
 * - A result may come at once or as a promise: cached answers need no turn of the event loop.
 */
import type { Errno } from "../base/errno.ts";
import type { Timespec } from "../base/posix.ts";

/** Identifies an inode within a mount. The root is 1; numbers are never used again. */
export type InodeNumber = number & { readonly __brand: "InodeNumber" };
/** Identifies an open file or directory within a mount. */
export type HandleId = number & { readonly __brand: "HandleId" };

export const ROOT_INODE = 1 as InodeNumber;
/** In a `Dirent` without `entry`: a number has not been given yet. The value that libfuse uses too. */
export const UNKNOWN_INODE = 0xffffffff as InodeNumber;

export type MaybePromise<T> = T | Promise<T>;

/** Who asks, and until when. */
export interface OpContext {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** Fires when the caller was interrupted or the mount is going away. */
  readonly signal: AbortSignal;
  /**
   * The caller has asked before, and the process that served the mount then has ended before it
   * answered: what is asked for may have been done.
   */
  readonly isRepeated?: boolean;
}

/** What stat(2) tells. */
export interface Attr {
  readonly ino: InodeNumber;
  /** Bytes. */
  readonly size: number;
  readonly atime: Timespec;
  readonly mtime: Timespec;
  readonly ctime: Timespec;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
}

/** A name's inode, and for how long the kernel may believe it. `ino` 0: the name does not exist (may be cached). */
export interface Entry {
  readonly ino: InodeNumber | 0;
  readonly generation: number;
  /** Absent exactly when `ino` is 0. */
  readonly attr?: Attr;
  readonly entryTtlMs: number;
  readonly attrTtlMs: number;
}

export interface AttrReply {
  readonly attr: Attr;
  readonly ttlMs: number;
}

/** One name in a directory. */
export interface Dirent {
  readonly name: string;
  /** `UNKNOWN_INODE` where no inode exists yet. */
  readonly ino: InodeNumber;
  /** Type bits only (S_IFDIR, S_IFREG, ...). */
  readonly type: number;
  /** Pass to `readdir` to go on behind this entry; from 1, stable while the handle is open. */
  readonly cookie: number;
  /**
   * For readdirplus: makes the full entry and counts one lookup of it. Called at most once, and only
   * when the entry is sent. Absent for "." and "..", which must not be counted.
   */
  readonly entry?: () => Entry;
}

/** What setattr(2)-like calls change; absent fields stay. */
export interface AttrChanges {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: Timespec | "now";
  readonly mtime?: Timespec | "now";
}

export interface OpenReply {
  readonly fh: HandleId;
  /** The kernel may keep the pages it has of this inode: its bytes are those of the last open. */
  readonly keepCache?: boolean;
  /** Bypass the page cache. */
  readonly directIo?: boolean;
  /** close(2) need not tell: nothing can be written through the handle (FOPEN_NOFLUSH). */
  readonly noFlush?: boolean;
  /** The kernel may cache the directory's entries (FOPEN_CACHE_DIR). */
  readonly cacheDir?: boolean;
}

export interface CreateReply {
  readonly entry: Entry;
  readonly open: OpenReply;
}

/** What statfs(2) tells; blocks of `blockSize` bytes. */
export interface StatFs {
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly files: number;
  readonly filesFree: number;
  readonly nameMax: number;
}

/** One mounted tree. */
export interface FileSystem {
  /**
   * To be awaited before an operation on an inode of which this process has not heard yet; undefined where
   * there is nothing to wait for.
   */
  awaken?(ino: InodeNumber, context: OpContext): MaybePromise<void>;
  /** Called before each reply: what the caller hears must be known to who comes after this process. */
  beforeReply?(): void;
  /** Finds `name` in `parent` and counts one lookup of the inode found. */
  lookup(parent: InodeNumber, name: string, context: OpContext): MaybePromise<Entry>;
  /** The kernel drops `count` lookups of `ino`; at none, the inode may go. Never fails. */
  forget(ino: InodeNumber, count: number): void;
  getattr(
    ino: InodeNumber,
    fh: HandleId | undefined,
    context: OpContext,
  ): MaybePromise<AttrReply>;
  setattr?(
    ino: InodeNumber,
    changes: AttrChanges,
    fh: HandleId | undefined,
    context: OpContext,
  ): MaybePromise<AttrReply>;
  readlink?(ino: InodeNumber, context: OpContext): MaybePromise<string>;
  /** Creating operations count one lookup of the new inode. Modes come with the umask applied. */
  mknod?(
    parent: InodeNumber,
    name: string,
    mode: number,
    rdev: number,
    context: OpContext,
  ): MaybePromise<Entry>;
  mkdir?(
    parent: InodeNumber,
    name: string,
    mode: number,
    context: OpContext,
  ): MaybePromise<Entry>;
  symlink?(
    parent: InodeNumber,
    name: string,
    target: string,
    context: OpContext,
  ): MaybePromise<Entry>;
  unlink?(parent: InodeNumber, name: string, context: OpContext): MaybePromise<void>;
  rmdir?(parent: InodeNumber, name: string, context: OpContext): MaybePromise<void>;
  /** `flags` as of renameat2(2). */
  rename?(
    parent: InodeNumber,
    name: string,
    newParent: InodeNumber,
    newName: string,
    flags: number,
    context: OpContext,
  ): MaybePromise<void>;
  link?(
    ino: InodeNumber,
    newParent: InodeNumber,
    newName: string,
    context: OpContext,
  ): MaybePromise<Entry>;

  /** `flags` as of open(2), in the host's numbers, without O_CREAT and O_EXCL. */
  open?(ino: InodeNumber, flags: number, context: OpContext): MaybePromise<OpenReply>;
  /** open(O_CREAT): `flags` as for `open`, with O_EXCL where it was given. */
  create?(
    parent: InodeNumber,
    name: string,
    mode: number,
    flags: number,
    context: OpContext,
  ): MaybePromise<CreateReply>;
  /**
   * The bytes from `offset`, at most `size`, fewer only at the end of the file. The views may lie in
   * cache memory: they are only read, and only until the caller has passed them on.
   */
  read?(
    ino: InodeNumber,
    fh: HandleId,
    offset: number,
    size: number,
    context: OpContext,
  ): MaybePromise<readonly Uint8Array[]>;
  /** Writes all of `data` (valid until the result settles) and returns how many bytes that was. */
  write?(
    ino: InodeNumber,
    fh: HandleId,
    offset: number,
    data: Uint8Array<ArrayBuffer>,
    context: OpContext,
  ): MaybePromise<number>;
  /** At each close(2) of a descriptor. Its error is close's error. */
  flush?(ino: InodeNumber, fh: HandleId, context: OpContext): MaybePromise<void>;
  fsync?(
    ino: InodeNumber,
    fh: HandleId,
    datasync: boolean,
    context: OpContext,
  ): MaybePromise<void>;
  /** Once, when the last descriptor of the handle is gone. Its error reaches nobody. */
  release?(ino: InodeNumber, fh: HandleId, context: OpContext): MaybePromise<void>;

  opendir?(ino: InodeNumber, flags: number, context: OpContext): MaybePromise<OpenReply>;
  /**
   * Gives the entries behind `cookie` (0: from the start) to `emit`, in order, until it answers false
   * (that entry was not taken), or as far as they are known; only at the directory's end none.
   */
  readdir?(
    ino: InodeNumber,
    fh: HandleId,
    cookie: number,
    emit: (dirent: Dirent) => boolean,
    context: OpContext,
  ): MaybePromise<void>;
  fsyncdir?(ino: InodeNumber, fh: HandleId, context: OpContext): MaybePromise<void>;
  releasedir?(ino: InodeNumber, fh: HandleId, context: OpContext): MaybePromise<void>;

  statfs?(ino: InodeNumber, context: OpContext): MaybePromise<StatFs>;
  getxattr?(ino: InodeNumber, name: string, context: OpContext): MaybePromise<Uint8Array>;
  setxattr?(
    ino: InodeNumber,
    name: string,
    value: Uint8Array,
    flags: number,
    context: OpContext,
  ): MaybePromise<void>;
  listxattr?(ino: InodeNumber, context: OpContext): MaybePromise<readonly string[]>;
  removexattr?(ino: InodeNumber, name: string, context: OpContext): MaybePromise<void>;
  fallocate?(
    ino: InodeNumber,
    fh: HandleId,
    mode: number,
    offset: number,
    length: number,
    context: OpContext,
  ): MaybePromise<void>;
  /** `whence` is SEEK_DATA (3) or SEEK_HOLE (4); returns the new offset. */
  lseek?(
    ino: InodeNumber,
    fh: HandleId,
    offset: number,
    whence: number,
    context: OpContext,
  ): MaybePromise<number>;
  /**
   * copy_file_range(2): puts `length` bytes (fewer at the end of the source) of `ino` from `offset` on
   * into `inoOut` at `offsetOut`. Both may be one file, then the ranges do not overlap. Returns how many
   * bytes were copied, 0 when there were none; fewer than there are is allowed, the caller goes on.
   * `flags` is 0. ENOTSUP: the kernel copies by reading and writing; ENOSYS: and never asks again.
   */
  copyFileRange?(
    ino: InodeNumber,
    fh: HandleId,
    offset: number,
    inoOut: InodeNumber,
    fhOut: HandleId,
    offsetOut: number,
    length: number,
    flags: number,
    context: OpContext,
  ): MaybePromise<number>;
}

/** An operation's expected failure: its errno goes to the caller, its message to the log. */
export class FsError extends Error {
  override readonly name = "FsError";
  readonly errno: Errno;

  constructor(errno: Errno, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errno = errno;
  }
}

/** Tells the kernel (or whoever caches above us) that what it has cached is out of date. */
export interface CacheNotifier {
  /** The attributes and the bytes of an inode (from `offset`, `length` bytes; 0 and 0: all). */
  invalidateInode(ino: InodeNumber, offset: number, length: number): void;
  /** A name in a directory. */
  invalidateEntry(parent: InodeNumber, name: string): void;
  /** The same, but what is there stays until it was asked for anew; where the kernel cannot, nothing. */
  expireEntry(parent: InodeNumber, name: string): void;
}
