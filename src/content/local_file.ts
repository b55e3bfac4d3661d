/**
 * The bytes of a staging file on this machine: in memory while they are few, then in a file on the
 * disk. That has a descriptor only while it is among the last that were used: files that wait to be
 * uploaded may be any number, descriptors are 1024 for a process mostly.
 */
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  type FdFile,
  SEEK_DATA,
  type SEEK_HOLE,
} from "../ffi/fd_file.ts";
import { SystemError } from "../ffi/system_error.ts";

/** The directory that files on the disk are in. All throw `SystemError`. */
export interface LocalFileHome {
  /** Makes a file with these bytes. */
  create(path: string, bytes: Uint8Array<ArrayBuffer>): FdFile;
  open(path: string): FdFile;
}

/** Descriptors of staging files open at a time: reopening one costs some microseconds. */
const OPEN_MAX = 256;

/** The files that have descriptors, of all mounts together. */
export class OpenLocalFiles {
  /** The one that was opened first comes first. */
  readonly #files = new Set<LocalFile>();

  get count(): number {
    return this.#files.size;
  }

  /** Rests the file that was opened first when there are too many. */
  opened(file: LocalFile): void {
    this.#files.add(file);
    if (this.#files.size <= OPEN_MAX) return;
    const [first] = this.#files;
    first!.rest();
  }

  closed(file: LocalFile): void {
    this.#files.delete(file);
  }
}

/** All methods throw `SystemError`, after `close` with EBADF. */
export class LocalFile {
  readonly path: string;
  readonly #home: LocalFileHome;
  readonly #open: OpenLocalFiles;
  /** While it is in memory; zeros behind `#length`. */
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  /** Of the bytes in memory. */
  #length = 0;
  #file: FdFile | undefined;
  #isClosed = false;

  private constructor(
    path: string,
    home: LocalFileHome,
    open: OpenLocalFiles,
    bytes: Uint8Array<ArrayBuffer> | undefined,
  ) {
    this.path = path;
    this.#home = home;
    this.#open = open;
    this.#bytes = bytes;
  }

  /** An empty one, in memory; `path` is free. */
  static inMemory(path: string, home: LocalFileHome, open: OpenLocalFiles): LocalFile {
    return new LocalFile(path, home, open, new Uint8Array(0));
  }

  /** The file at `path`. */
  static onDisk(path: string, home: LocalFileHome, open: OpenLocalFiles): LocalFile {
    const file = new LocalFile(path, home, open, undefined);
    file.#descriptor();
    return file;
  }

  /** True when there is a file at `path`; to be asked before `close`. */
  get isOnDisk(): boolean {
    return this.#bytes === undefined;
  }

  /** As `FdFile.pread`. */
  pread(target: Uint8Array<ArrayBuffer>, offset: number): number {
    if (this.#bytes === undefined) return this.#descriptor().pread(target, offset);
    const found = this.#bytes.subarray(offset, Math.min(offset + target.length, this.#length));
    target.set(found);
    return found.length;
  }

  /** As `FdFile.preadElsewhere`. */
  async preadElsewhere(target: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    if (this.#bytes !== undefined) return this.pread(target, offset);
    return await this.#descriptor().preadElsewhere(target, offset);
  }

  /** As `FdFile.pwrite`. */
  pwrite(data: Uint8Array<ArrayBuffer>, offset: number): void {
    if (this.#bytes === undefined) return this.#descriptor().pwrite(data, offset);
    const end = offset + data.length;
    this.#reserveMemory(end).set(data, offset);
    this.#length = Math.max(this.#length, end);
  }

  /** Sets the size: cuts, or extends by zeros. */
  truncate(size: number): void {
    if (this.#bytes === undefined) return this.#descriptor().truncate(size);
    this.#reserveMemory(size).fill(0, size, this.#length);
    this.#length = size;
  }

  /** Reserves room on the disk for a range, also behind the end of the file, which stays where it is. */
  reserve(offset: number, length: number): void {
    this.toDisk();
    this.#descriptor().allocate(FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /** Makes a range, or what of it is in the file, read as zeros and take no room. */
  punch(offset: number, length: number): void {
    if (this.#bytes === undefined) {
      this.#descriptor().allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    } else this.#bytes.fill(0, offset, Math.min(offset + length, this.#length));
  }

  /** As `FdFile.seek`; undefined when there is nothing more of the kind. In memory there are no holes. */
  seek(offset: number, whence: typeof SEEK_DATA | typeof SEEK_HOLE): number | undefined {
    if (this.#bytes !== undefined) {
      if (offset >= this.#length) return undefined;
      return whence === SEEK_DATA ? offset : this.#length;
    }
    try {
      return this.#descriptor().seek(offset, whence);
    } catch (error) {
      if (error instanceof SystemError && error.errno === "ENXIO") return undefined;
      throw error;
    }
  }

  /** Resolves when all that was written is on the device. */
  async datasync(): Promise<void> {
    this.toDisk();
    await this.#descriptor().datasync();
  }

  /** Sees to it that there is a file at `path`. */
  toDisk(): void {
    if (this.#bytes === undefined) return;
    this.#file = this.#home.create(this.path, this.#bytes.subarray(0, this.#length));
    this.#bytes = undefined;
    this.#open.opened(this);
  }

  /**
   * Gives its descriptor back until it is used again. What the device could not store meanwhile is told
   * to the next `datasync` all the same: an error that nobody has seen is told to who opens the file
   * next. Source: lib/errseq.c, errseq_sample.
   */
  rest(): void {
    this.#open.closed(this);
    this.#file?.close();
    this.#file = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#bytes = undefined;
    this.rest();
  }

  #descriptor(): FdFile {
    if (this.#file !== undefined) return this.#file;
    if (this.#isClosed) {
      throw new SystemError(`Cannot use "${this.path}": it is closed`, "open", "EBADF", this.path);
    }
    this.#file = this.#home.open(this.path);
    this.#open.opened(this);
    return this.#file;
  }

  /** Memory for so many bytes. */
  #reserveMemory(size: number): Uint8Array<ArrayBuffer> {
    const present = this.#bytes!;
    if (size <= present.length) return present;
    // What is written in one go has room for just that.
    const bytes = new Uint8Array(Math.max(size, 2 * present.length));
    bytes.set(present.subarray(0, this.#length));
    return this.#bytes = bytes;
  }
}
