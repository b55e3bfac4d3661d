/**
 * A regular file read and written at given offsets, synchronously: on a local disk this is a copy from
 * or to the page cache. Only `datasync`, which waits for the device, is asynchronous. The descriptor's
 * own position is not used.
 */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const O_RDWR = 0x2;
const O_CREAT = 0x40;
const O_EXCL = 0x80;
const O_CLOEXEC = 0x80000;
const EINTR = 4;
const SEEK_END = 2;

/** Modes of `FdFile.allocate`, 0 being the plain one. Source: linux/falloc.h, fallocate(2). */
export const FALLOC_FL_KEEP_SIZE = 0x01;
/** Only together with KEEP_SIZE. */
export const FALLOC_FL_PUNCH_HOLE = 0x02;
export const FALLOC_FL_ZERO_RANGE = 0x10;

/** Kinds of `FdFile.seek`. Source: linux/fs.h, lseek(2). */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export interface OpenFdFileOptions {
  /** Make the file when it is missing. */
  readonly create?: boolean;
  /** With `create`: fail with EEXIST when there is one. */
  readonly exclusive?: boolean;
  /** Permissions of a file made here, before the umask; default 0600. */
  readonly mode?: number;
}

/** Opens `path` for reading and writing. Throws `SystemError`. */
export function openFdFile(path: string, options: OpenFdFileOptions = {}): FdFile {
  const flags = O_RDWR | O_CLOEXEC | (options.create === true ? O_CREAT : 0) |
    (options.exclusive === true ? O_EXCL : 0);
  const name = cString(path);
  for (;;) {
    const fd = libc().open(name, flags, options.mode ?? 0o600);
    if (fd >= 0) return new FdFile(fd, path);
    const number = lastErrno();
    if (number !== EINTR) throw SystemError.of(`Cannot open "${path}"`, "open", number, path);
  }
}

/** An open file. All methods throw `SystemError`; after `close` with EBADF. */
export class FdFile {
  readonly path: string;
  #fd: number;
  /** The descriptor stays open while one of these runs: its number could be taken by another file. */
  readonly #syncs = new Set<Promise<number>>();

  /** Takes over `fd`. */
  constructor(fd: number, path: string) {
    this.#fd = fd;
    this.path = path;
  }

  /** Fills `target` from `offset`; returns the bytes read, fewer than asked only at the end of the file. */
  pread(target: Uint8Array<ArrayBuffer>, offset: number): number {
    let done = 0;
    while (done < target.length) {
      const rest = done === 0 ? target : target.subarray(done);
      const got = libc().pread(this.#fd, rest, BigInt(rest.length), BigInt(offset + done));
      if (got === 0) break;
      if (got > 0) done += got;
      else this.#failUnlessInterrupted("read", "pread");
    }
    return done;
  }

  /** Writes all of `data` at `offset`. On an error a part of it may have been written. */
  pwrite(data: Uint8Array<ArrayBuffer>, offset: number): void {
    let done = 0;
    while (done < data.length) {
      const rest = done === 0 ? data : data.subarray(done);
      const put = libc().pwrite(this.#fd, rest, BigInt(rest.length), BigInt(offset + done));
      if (put >= 0) done += put;
      else this.#failUnlessInterrupted("write", "pwrite");
    }
  }

  /** Sets the size: cuts, or extends by a hole. */
  truncate(size: number): void {
    while (libc().ftruncate(this.#fd, BigInt(size)) !== 0) {
      this.#failUnlessInterrupted("resize", "ftruncate");
    }
  }

  /** Bytes. */
  size(): number {
    return this.seek(0, SEEK_END);
  }

  /**
   * fallocate(2): `mode` 0 or FALLOC_FL_*. ENOTSUP where the file system that holds the file cannot
   * do it (tmpfs: ZERO_RANGE), ENOSPC when the disk is full.
   */
  allocate(mode: number, offset: number, length: number): void {
    while (libc().fallocate(this.#fd, mode, BigInt(offset), BigInt(length)) !== 0) {
      this.#failUnlessInterrupted("allocate space in", "fallocate");
    }
  }

  /**
   * The offset of the next byte of data (SEEK_DATA) or of the next hole (SEEK_HOLE) from `offset` on;
   * the end of the file counts as a hole. ENXIO: `offset` is not before the end, or no data follows.
   * What was allocated but never written may count as either.
   */
  seek(offset: number, whence: number): number {
    const found = libc().lseek(this.#fd, BigInt(offset), whence);
    if (found >= 0n) return Number(found);
    throw SystemError.of(`Cannot seek in "${this.path}"`, "lseek", lastErrno(), this.path);
  }

  /**
   * Resolves when the bytes written before, and the size, are on the device. The error number of the
   * call on the other thread is lost: every failure is EIO. After a failure the kernel may have
   * dropped the bytes: they must be written again, not just synced again.
   */
  async datasync(): Promise<void> {
    const sync = libc().fdatasync_off_thread(this.#fd);
    this.#syncs.add(sync);
    try {
      if (await sync !== 0) {
        throw new SystemError(`Cannot sync "${this.path}"`, "fdatasync", "EIO", this.path);
      }
    } finally {
      this.#syncs.delete(sync);
    }
  }

  /** Closes the file, once running syncs are over; further calls do nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    // close(2) frees the number also when it reports EINTR or EIO, so it is never repeated.
    if (this.#syncs.size === 0) libc().close(fd);
    else void Promise.allSettled([...this.#syncs]).then(() => libc().close(fd));
  }

  #failUnlessInterrupted(verb: string, syscall: string): void {
    const number = lastErrno();
    if (number === EINTR) return;
    throw SystemError.of(`Cannot ${verb} "${this.path}"`, syscall, number, this.path);
  }
}
