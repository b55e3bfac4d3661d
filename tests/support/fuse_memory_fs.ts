/**
 * A file system in memory, complete enough for real programs, that counts lookups as the contract of
 * `FileSystem` demands. Files named "blocked*" are read only when `release` is called or the caller
 * is interrupted.
 */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Timespec } from "../../src/base/posix.ts";
import {
  type Attr,
  type AttrChanges,
  type AttrReply,
  type CreateReply,
  type Dirent,
  type Entry,
  type FileSystem,
  FsError,
  type HandleId,
  type InodeNumber,
  type MaybePromise,
  type OpContext,
  type OpenReply,
  ROOT_INODE,
  type StatFs,
} from "../../src/vfs/file_system.ts";

interface Node {
  readonly ino: InodeNumber;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  rdev: number;
  mtime: Timespec;
  data: Uint8Array<ArrayBuffer>;
  size: number;
  target: string;
  readonly children: Map<string, InodeNumber>;
  readonly xattrs: Map<string, Uint8Array>;
  lookups: number;
}

export interface MemoryFsOptions {
  readonly ttlMs?: number;
  readonly directIo?: boolean;
  /** Larger files are refused. */
  readonly fileBytesMax?: number;
}

/** renameat2(2). */
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
/** fallocate(2). */
const FALLOC_FL_KEEP_SIZE = 1;

const ZERO: Timespec = { sec: 0, nsec: 0 };

export class MemoryFs implements FileSystem {
  readonly nodes = new Map<InodeNumber, Node>();
  /** Handles that are open. */
  readonly handles = new Map<HandleId, InodeNumber>();
  /** Reads that wait. */
  readonly blocked = new Set<() => void>();
  interrupted = 0;
  readonly calls = new Map<string, number>();
  readonly #ttlMs: number;
  readonly #directIo: boolean;
  readonly #fileBytesMax: number;
  #nextInode = 2;
  #nextHandle = 1;

  constructor(
    { ttlMs = 60_000, directIo = false, fileBytesMax = 1 << 30 }: MemoryFsOptions = {},
  ) {
    this.#fileBytesMax = fileBytesMax;
    this.#ttlMs = ttlMs;
    this.#directIo = directIo;
    this.#make(S_IFDIR | 0o777, 0, 0, ROOT_INODE);
  }

  /** Lookups that the kernel holds, over all inodes. */
  get lookups(): number {
    return [...this.nodes.values()].reduce((sum, node) => sum + node.lookups, 0);
  }

  /** Puts a file into the root folder. */
  addFile(name: string, data: Uint8Array<ArrayBuffer>, mode = 0o644): InodeNumber {
    const node = this.#make(S_IFREG | mode, 0, 0);
    node.data = data;
    node.size = data.length;
    this.node(ROOT_INODE).children.set(name, node.ino);
    return node.ino;
  }

  node(ino: InodeNumber): Node {
    const node = this.nodes.get(ino);
    if (node === undefined) throw new FsError("ESTALE", `No inode ${ino}`);
    return node;
  }

  lookup(parent: InodeNumber, name: string): Entry {
    this.#count("lookup");
    const ino = this.node(parent).children.get(name);
    if (ino === undefined) {
      return { ino: 0, generation: 0, entryTtlMs: this.#ttlMs, attrTtlMs: 0 };
    }
    return this.#entry(ino);
  }

  forget(ino: InodeNumber, count: number): void {
    const node = this.node(ino);
    node.lookups -= count;
    if (node.lookups < 0) throw new Error(`inode ${ino}: more lookups forgotten than counted`);
  }

  getattr(ino: InodeNumber): AttrReply {
    this.#count("getattr");
    return { attr: this.#attr(this.node(ino)), ttlMs: this.#ttlMs };
  }

  setattr(ino: InodeNumber, changes: AttrChanges): AttrReply {
    const node = this.node(ino);
    if (changes.mode !== undefined) {
      node.mode = (node.mode & S_IFMT) | (changes.mode & 0o7777);
    }
    if (changes.uid !== undefined) node.uid = changes.uid;
    if (changes.gid !== undefined) node.gid = changes.gid;
    if (changes.size !== undefined) this.#resize(node, changes.size);
    if (changes.mtime !== undefined) node.mtime = changes.mtime === "now" ? ZERO : changes.mtime;
    return this.getattr(ino);
  }

  readlink(ino: InodeNumber): string {
    return this.node(ino).target;
  }

  mknod(
    parent: InodeNumber,
    name: string,
    mode: number,
    rdev: number,
    context: OpContext,
  ): Entry {
    const node = this.#make(mode, context.uid, context.gid);
    node.rdev = rdev;
    this.node(parent).children.set(name, node.ino);
    return this.#entry(node.ino);
  }

  mkdir(parent: InodeNumber, name: string, mode: number, context: OpContext): Entry {
    return this.mknod(parent, name, S_IFDIR | mode, 0, context);
  }

  symlink(parent: InodeNumber, name: string, target: string, context: OpContext): Entry {
    const entry = this.mknod(parent, name, S_IFLNK | 0o777, 0, context);
    this.node(entry.ino as InodeNumber).target = target;
    return entry;
  }

  link(ino: InodeNumber, newParent: InodeNumber, newName: string): Entry {
    this.node(ino).nlink++;
    this.node(newParent).children.set(newName, ino);
    return this.#entry(ino);
  }

  unlink(parent: InodeNumber, name: string): void {
    this.#remove(parent, name);
  }

  rmdir(parent: InodeNumber, name: string): void {
    const ino = this.node(parent).children.get(name);
    if (ino !== undefined && this.node(ino).children.size > 0) {
      throw new FsError("ENOTEMPTY", "not empty");
    }
    this.#remove(parent, name);
  }

  rename(
    parent: InodeNumber,
    name: string,
    newParent: InodeNumber,
    newName: string,
    flags: number,
  ): void {
    const ino = this.node(parent).children.get(name);
    if (ino === undefined) throw new FsError("ENOENT", name);
    const target = this.node(newParent).children;
    if ((flags & RENAME_NOREPLACE) !== 0 && target.has(newName)) {
      throw new FsError("EEXIST", newName);
    }
    if (flags > RENAME_EXCHANGE) throw new FsError("EINVAL", "flags");
    const other = target.get(newName);
    this.node(parent).children.delete(name);
    target.set(newName, ino);
    if ((flags & RENAME_EXCHANGE) === 0) return;
    if (other === undefined) throw new FsError("ENOENT", newName);
    this.node(parent).children.set(name, other);
  }

  open(ino: InodeNumber, flags: number): OpenReply {
    this.#count("open");
    if ((flags & 0o1000) !== 0) this.#resize(this.node(ino), 0);
    return { fh: this.#handle(ino), keepCache: true, directIo: this.#directIo };
  }

  create(
    parent: InodeNumber,
    name: string,
    mode: number,
    _flags: number,
    context: OpContext,
  ): CreateReply {
    const entry = this.mknod(parent, name, S_IFREG | mode, 0, context);
    return { entry, open: { fh: this.#handle(entry.ino as InodeNumber) } };
  }

  read(
    ino: InodeNumber,
    _fh: HandleId,
    offset: number,
    size: number,
    context: OpContext,
  ): MaybePromise<readonly Uint8Array[]> {
    this.#count(`read ${size}`);
    const node = this.node(ino);
    const data = [node.data.subarray(offset, Math.min(offset + size, node.size))];
    const name = [...this.node(ROOT_INODE).children].find(([, child]) => child === ino)?.[0];
    return name?.startsWith("blocked") === true ? this.#blockedRead(data, context.signal) : data;
  }

  write(ino: InodeNumber, _fh: HandleId, offset: number, data: Uint8Array<ArrayBuffer>): number {
    this.#count(`write ${data.length}`);
    const node = this.node(ino);
    if (offset + data.length > node.size) this.#resize(node, offset + data.length);
    node.data.set(data, offset);
    return data.length;
  }

  flush(): void {
    this.#count("flush");
  }

  fsync(): void {
    this.#count("fsync");
  }

  release(_ino: InodeNumber, fh: HandleId): void {
    if (!this.handles.delete(fh)) throw new Error(`handle ${fh} released twice`);
  }

  opendir(ino: InodeNumber): OpenReply {
    return { fh: this.#handle(ino) };
  }

  readdir(
    ino: InodeNumber,
    _fh: HandleId,
    cookie: number,
    emit: (dirent: Dirent) => boolean,
  ): void {
    this.#count("readdir");
    const dots: Dirent[] = [".", ".."].map((name, index) => ({
      name,
      ino,
      type: S_IFDIR,
      cookie: index + 1,
    }));
    const names = [...this.node(ino).children];
    for (let index = cookie; index < names.length + 2; index++) {
      const dot = dots[index];
      const [name, child] = names[index - 2] ?? ["", ROOT_INODE];
      const dirent = dot ?? {
        name,
        ino: child,
        type: this.node(child).mode & S_IFMT,
        cookie: index + 1,
        entry: () => this.#entry(child),
      };
      if (!emit(dirent)) return;
    }
  }

  fsyncdir(): void {}

  releasedir(ino: InodeNumber, fh: HandleId): void {
    this.release(ino, fh);
  }

  statfs(): StatFs {
    return {
      blockSize: 4096,
      blocks: 1000,
      blocksFree: 500,
      files: 100,
      filesFree: 50,
      nameMax: 255,
    };
  }

  getxattr(ino: InodeNumber, name: string): Uint8Array {
    this.#count(`getxattr ${name}`);
    const value = this.node(ino).xattrs.get(name);
    if (value === undefined) throw new FsError("ENODATA", name);
    return value;
  }

  setxattr(ino: InodeNumber, name: string, value: Uint8Array): void {
    this.node(ino).xattrs.set(name, value);
  }

  listxattr(ino: InodeNumber): string[] {
    return [...this.node(ino).xattrs.keys()];
  }

  removexattr(ino: InodeNumber, name: string): void {
    if (!this.node(ino).xattrs.delete(name)) throw new FsError("ENODATA", name);
  }

  fallocate(
    ino: InodeNumber,
    _fh: HandleId,
    mode: number,
    offset: number,
    length: number,
  ): void {
    this.#count(`fallocate ${mode} ${offset} ${length}`);
    const node = this.node(ino);
    const keepSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
    if (!keepSize) this.#resize(node, Math.max(node.size, offset + length));
    if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0) node.data.fill(0, offset, offset + length);
  }

  copyFileRange(
    ino: InodeNumber,
    _fh: HandleId,
    offset: number,
    inoOut: InodeNumber,
    fhOut: HandleId,
    offsetOut: number,
    length: number,
  ): number {
    this.#count(`copyFileRange ${length}`);
    const { data, size } = this.node(ino);
    return this.write(
      inoOut,
      fhOut,
      offsetOut,
      data.slice(offset, Math.min(offset + length, size)),
    );
  }

  lseek(ino: InodeNumber, _fh: HandleId, offset: number, whence: number): number {
    const { size } = this.node(ino);
    if (offset >= size) throw new FsError("ENXIO", "beyond the end");
    return whence === 3 ? offset : size;
  }

  async #blockedRead(data: Uint8Array[], signal: AbortSignal): Promise<Uint8Array[]> {
    await new Promise<void>((resolve, reject) => {
      this.blocked.add(resolve);
      signal.addEventListener("abort", () => {
        this.interrupted++;
        reject(signal.reason);
      }, { once: true });
    });
    return data;
  }

  #make(mode: number, uid: number, gid: number, ino = this.#nextInode++ as InodeNumber): Node {
    const node: Node = {
      ino,
      mode,
      uid,
      gid,
      nlink: 1,
      rdev: 0,
      mtime: ZERO,
      data: new Uint8Array(0),
      size: 0,
      target: "",
      children: new Map(),
      xattrs: new Map(),
      lookups: 0,
    };
    this.nodes.set(ino, node);
    return node;
  }

  #handle(ino: InodeNumber): HandleId {
    const fh = this.#nextHandle++ as HandleId;
    this.handles.set(fh, ino);
    return fh;
  }

  #entry(ino: InodeNumber): Entry {
    const node = this.node(ino);
    node.lookups++;
    return {
      ino,
      generation: 0,
      attr: this.#attr(node),
      entryTtlMs: this.#ttlMs,
      attrTtlMs: this.#ttlMs,
    };
  }

  #attr(node: Node): Attr {
    const size = node.mode & S_IFLNK && node.target !== "" ? node.target.length : node.size;
    return {
      ino: node.ino,
      size,
      atime: node.mtime,
      mtime: node.mtime,
      ctime: node.mtime,
      mode: node.mode,
      nlink: node.nlink,
      uid: node.uid,
      gid: node.gid,
      rdev: node.rdev,
    };
  }

  #resize(node: Node, size: number): void {
    if (size > this.#fileBytesMax) throw new FsError("EFBIG", `${size} bytes`);
    if (size > node.data.length) {
      const grown = new Uint8Array(Math.max(size, node.data.length * 2));
      grown.set(node.data);
      node.data = grown;
    } else node.data.fill(0, size);
    node.size = size;
  }

  #remove(parent: InodeNumber, name: string): void {
    const { children } = this.node(parent);
    const ino = children.get(name);
    if (ino === undefined) throw new FsError("ENOENT", name);
    this.node(ino).nlink--;
    children.delete(name);
  }

  #count(call: string): void {
    this.calls.set(call, (this.calls.get(call) ?? 0) + 1);
  }
}
