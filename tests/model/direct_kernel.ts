/**
 * The part of the kernel between a program and a FUSE file system, as far as the model test needs it:
 * paths are looked up name by name, lookups are counted and forgotten, and what the kernel refuses by
 * itself (fs/namei.c, fs/open.c, fs/read_write.c, fs/fuse) is refused here.
 */
import { S_IFDIR, S_IFLNK, S_IFMT } from "../../src/base/posix.ts";
import {
  type Attr,
  type FileSystem,
  FsError,
  type HandleId,
  type InodeNumber,
  type OpContext,
  ROOT_INODE,
} from "../../src/vfs/file_system.ts";
import type { OpenHow } from "./operation.ts";

const O_EXCL = 0o200;
const O_TRUNC = 0o1000;
const O_APPEND = 0o2000;
const ACCESS = { r: 0, w: 1, rw: 2 } as const;
const SEEK = { data: 3, hole: 4 } as const;
/** The most in one READ or WRITE. */
const REQUEST_BYTES_MAX = 2 ** 20;

interface OpenFile {
  readonly ino: InodeNumber;
  readonly fh: HandleId;
  readonly how: OpenHow;
}

export interface Found {
  readonly ino: InodeNumber;
  readonly attr: Attr;
}

export class DirectKernel {
  #fs: FileSystem;
  readonly #context: OpContext;
  readonly #lookups = new Map<InodeNumber, number>();
  readonly #files = new Map<number, OpenFile>();
  readonly #held = new Map<number, InodeNumber>();

  constructor(fs: FileSystem, context: OpContext) {
    this.#fs = fs;
    this.#context = context;
  }

  /** Another process serves the mount from now on. */
  attach(fs: FileSystem): void {
    this.#fs = fs;
  }

  /** FORGET for all that is neither open nor held. */
  forget(): void {
    const used = new Set([...this.#files.values()].map(({ ino }) => ino));
    for (const ino of this.#held.values()) used.add(ino);
    for (const [ino, count] of this.#lookups) {
      if (used.has(ino)) continue;
      this.#fs.forget(ino, count);
      this.#lookups.delete(ino);
    }
  }

  async closeAll(): Promise<void> {
    for (const slot of [...this.#files.keys()]) await this.close(slot);
  }

  /** The inode of a path; its last name is not followed. */
  async find(path: string): Promise<Found> {
    const found = await this.tryFind(path);
    if (found === undefined) throw new FsError("ENOENT", path);
    return found;
  }

  async tryFind(path: string): Promise<Found | undefined> {
    const { ino, name } = await this.parent(path);
    return name === "" ? await this.#getattr(ino) : await this.#lookup(ino, name);
  }

  /** Like `find`, but links are followed: all point to nowhere. */
  async follow(path: string): Promise<Found> {
    const found = await this.find(path);
    if (isLink(found.attr)) throw new FsError("ENOENT", path);
    return found;
  }

  /** The folder of a path, and its last name. */
  async parent(path: string): Promise<{ readonly ino: InodeNumber; readonly name: string }> {
    const names = path.split("/");
    let ino = ROOT_INODE;
    for (const name of names.slice(0, -1)) {
      const found = await this.#lookup(ino, name);
      if (found === undefined || isLink(found.attr)) throw new FsError("ENOENT", path);
      if (!isFolder(found.attr)) throw new FsError("ENOTDIR", path);
      ino = found.ino;
    }
    return { ino, name: names.at(-1)! };
  }

  /** The folder in which the last name of a path is free, and that name. */
  async free(path: string): Promise<{ readonly ino: InodeNumber; readonly name: string }> {
    if (await this.tryFind(path) !== undefined) throw new FsError("EEXIST", path);
    return await this.parent(path);
  }

  async open(slot: number, path: string, how: OpenHow): Promise<void> {
    await this.close(slot, true);
    const { ino: parent, name } = await this.parent(path);
    const flags = ACCESS[how.access] | (how.trunc ? O_TRUNC : 0) | (how.append ? O_APPEND : 0);
    const found = name === "" ? await this.#getattr(parent) : await this.#lookup(parent, name);
    if (found === undefined) {
      if (!how.create) throw new FsError("ENOENT", path);
      const all = flags | (how.excl ? O_EXCL : 0);
      const created = await this.#fs.create!(parent, name, 0o644, all, this.#context);
      const { ino } = created.entry;
      if (ino === 0) throw new Error("CREATE answered with no inode");
      this.#count(ino);
      this.#files.set(slot, { ino, fh: created.open.fh, how });
      return;
    }
    if (how.create && how.excl) throw new FsError("EEXIST", path);
    if (isLink(found.attr)) throw new FsError("ELOOP", path);
    if (isFolder(found.attr)) throw new FsError("EISDIR", path);
    const { fh } = await this.#fs.open!(found.ino, flags, this.#context);
    this.#files.set(slot, { ino: found.ino, fh, how });
  }

  /** The first half of an open. */
  async hold(slot: number, path: string): Promise<void> {
    this.#held.set(slot, (await this.find(path)).ino);
  }

  async openHeld(slot: number): Promise<void> {
    await this.close(slot, true);
    const ino = this.#held.get(slot);
    if (ino === undefined) throw new FsError("EBADF", `slot ${slot}`);
    const { fh } = await this.#fs.open!(ino, ACCESS.r, this.#context);
    this.#files.set(slot, { ino, fh, how: { access: "r" } });
  }

  async close(slot: number, isMaybeEmpty = false): Promise<void> {
    const file = this.#files.get(slot);
    if (file === undefined) {
      if (isMaybeEmpty) return;
      throw new FsError("EBADF", `slot ${slot}`);
    }
    this.#files.delete(slot);
    try {
      await this.#fs.flush!(file.ino, file.fh, this.#context);
    } finally {
      await this.#fs.release!(file.ino, file.fh, this.#context);
    }
  }

  async flush(slot: number): Promise<void> {
    const { ino, fh } = this.#file(slot);
    await this.#fs.flush!(ino, fh, this.#context);
  }

  async fsync(slot: number): Promise<void> {
    const { ino, fh } = this.#file(slot);
    await this.#fs.fsync!(ino, fh, false, this.#context);
  }

  async fstat(slot: number): Promise<Attr> {
    const { ino, fh } = this.#file(slot);
    return (await this.#fs.getattr(ino, fh, this.#context)).attr;
  }

  async read(slot: number, at: number, size: number): Promise<Uint8Array> {
    const { ino, fh, how } = this.#file(slot);
    if (how.access === "w") throw new FsError("EBADF", "not readable");
    return await this.#readAt(ino, fh, at, size);
  }

  async readPath(path: string): Promise<Uint8Array> {
    const { ino } = await this.find(path);
    const { fh } = await this.#fs.open!(ino, ACCESS.r, this.#context);
    const { attr } = await this.#fs.getattr(ino, fh, this.#context);
    const bytes = await this.#readAt(ino, fh, 0, attr.size);
    await this.#fs.flush!(ino, fh, this.#context);
    await this.#fs.release!(ino, fh, this.#context);
    return bytes;
  }

  async write(slot: number, at: number, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    const { ino, fh, how } = this.#file(slot);
    if (how.access === "r") throw new FsError("EBADF", "not writable");
    let offset = how.append ? (await this.fstat(slot)).size : at;
    for (let done = 0; done < bytes.length; done += REQUEST_BYTES_MAX) {
      // A copy: the kernel's buffer is used again when the answer is there.
      const part = bytes.slice(done, done + REQUEST_BYTES_MAX);
      const written = await this.#fs.write!(ino, fh, offset, part, this.#context);
      if (written !== part.length) {
        throw new Error(`WRITE wrote ${written} of ${part.length} bytes`);
      }
      part.fill(0xee);
      offset += written;
    }
    return bytes.length;
  }

  async ftruncate(slot: number, size: number): Promise<void> {
    const { ino, fh, how } = this.#file(slot);
    if (how.access === "r") throw new FsError("EINVAL", "not writable");
    await this.#fs.setattr!(ino, { size }, fh, this.#context);
  }

  async fallocate(slot: number, mode: number, at: number, size: number): Promise<void> {
    const { ino, fh, how } = this.#file(slot);
    if (how.access === "r") throw new FsError("EBADF", "not writable");
    await this.#fs.fallocate!(ino, fh, mode, at, size, this.#context);
  }

  async seek(slot: number, at: number, whence: "data" | "hole"): Promise<number> {
    const { ino, fh } = this.#file(slot);
    const { size } = await this.fstat(slot);
    if (at >= size) throw new FsError("ENXIO", "behind the end");
    return await this.#fs.lseek!(ino, fh, at, SEEK[whence], this.#context);
  }

  /** copy_file_range(2) until all is copied, as cp(1) calls it. */
  async copy(slot: number, at: number, toSlot: number, toAt: number, size: number) {
    const from = this.#file(slot);
    const to = this.#file(toSlot);
    if (from.how.access === "w" || to.how.access === "r" || to.how.append) {
      throw new FsError("EBADF", "not readable, not writable, or appending");
    }
    const count = Math.max(0, Math.min(size, (await this.fstat(slot)).size - at));
    if (from.ino === to.ino && toAt + count > at && toAt < at + count) {
      throw new FsError("EINVAL", "the ranges overlap");
    }
    let done = 0;
    while (done < count) {
      const copied = await this.#copyOnce(from, at + done, to, toAt + done, count - done);
      if (copied === 0) break;
      done += copied;
    }
    return done;
  }

  async #copyOnce(from: OpenFile, at: number, to: OpenFile, toAt: number, size: number) {
    const { ino, fh } = from;
    try {
      return await this.#fs.copyFileRange!(
        ...[ino, fh, at, to.ino, to.fh, toAt, size, 0, this.#context] as const,
      );
    } catch (error) {
      if (!(error instanceof FsError && error.errno === "ENOTSUP")) throw error;
    }
    const bytes = (await this.#readAt(ino, fh, at, Math.min(size, REQUEST_BYTES_MAX))).slice();
    return await this.#fs.write!(to.ino, to.fh, toAt, bytes, this.#context);
  }

  async #readAt(ino: InodeNumber, fh: HandleId, at: number, size: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let done = 0; done < size;) {
      const want = Math.min(size - done, REQUEST_BYTES_MAX);
      const views = await this.#fs.read!(ino, fh, at + done, want, this.#context);
      // Copied at once: they are valid until the next turn only.
      const part = concat(views);
      if (part.length > want) throw new Error(`READ answered ${part.length} bytes, not ${want}`);
      parts.push(part);
      done += part.length;
      if (part.length < want) break;
    }
    return concat(parts);
  }

  #file(slot: number): OpenFile {
    const file = this.#files.get(slot);
    if (file === undefined) throw new FsError("EBADF", `slot ${slot}`);
    return file;
  }

  async #getattr(ino: InodeNumber): Promise<Found> {
    return { ino, attr: (await this.#fs.getattr(ino, undefined, this.#context)).attr };
  }

  async #lookup(parent: InodeNumber, name: string): Promise<Found | undefined> {
    const { ino, attr } = await this.#fs.lookup(parent, name, this.#context);
    if (ino === 0) return undefined;
    this.#count(ino);
    if (attr === undefined) throw new Error(`LOOKUP of "${name}" answered without attributes`);
    return { ino, attr };
  }

  /** An answer with an inode counts as one lookup of it. */
  #count(ino: InodeNumber): void {
    this.#lookups.set(ino, (this.#lookups.get(ino) ?? 0) + 1);
  }

  /** For MKDIR, SYMLINK and READDIRPLUS. */
  counted(ino: InodeNumber | 0): void {
    if (ino !== 0) this.#count(ino);
  }
}

export function isFolder(attr: Attr): boolean {
  return (attr.mode & S_IFMT) === S_IFDIR;
}

export function isLink(attr: Attr): boolean {
  return (attr.mode & S_IFMT) === S_IFLNK;
}

function concat(views: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(views.reduce((sum, view) => sum + view.length, 0));
  let at = 0;
  for (const view of views) {
    all.set(view, at);
    at += view.length;
  }
  return all;
}
