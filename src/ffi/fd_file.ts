/**
 * A regular file read and written at given offsets: on a local disk a copy from or to the page cache,
 * here or, where it may have to wait for the device, on another thread. The descriptor's own position
 * is not used.
 */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const O_RDWR = 0x2;
const O_CREAT = 0x40;
const O_EXCL = 0x80;
const O_CLOEXEC = 0x80000;
/** Source: linux/memfd.h, memfd_create(2). */
const MFD_CLOEXEC = 1;
const EINTR = 4;
const ENOSPC = 28;
const SEEK_END = 2;
/** preadv2: fail rather than wait for the device. Source: linux/fs.h, readv(2). */
const RWF_NOWAIT = 0x8;
/** Source: linux/fadvise.h, posix_fadvise(2). */
const POSIX_FADV_WILLNEED = 3;
/** cachestat, since Linux 6.5: the same number everywhere. Source: asm/unistd.h, linux/mman.h. */
const SYS_CACHESTAT = 451n;
/** `struct cachestat_range`: offset, length. */
const CACHESTAT_RANGE = new BigUint64Array(2);
/** `struct cachestat`: the first of five counts is that of pages in the cache. */
const CACHESTAT = new BigUint64Array(5);
/** The least there is; larger pages only make a range look less cached than it is. */
const PAGE_BYTES = 4096;

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
  /** Asked for room when the disk is full; when it says true, the write is tried again. */
  readonly makeRoom?: MakeRoom;
}

/** Frees about so many bytes of the disk; false when it has freed nothing. */
export type MakeRoom = (bytes: number) => boolean;

/** Opens `path` for reading and writing. Throws `SystemError`. */
export function openFdFile(path: string, options: OpenFdFileOptions = {}): FdFile {
  const name = cString(path);
  for (;;) {
    const fd = libc().open(name, flagsOf(options), options.mode ?? 0o600);
    if (fd >= 0) return new FdFile(fd, path, options.makeRoom);
    const number = lastErrno();
    if (number !== EINTR) throw SystemError.of(`Cannot open "${path}"`, "open", number, path);
  }
}

/**
 * As `openFdFile`, on another thread: finding a place for a new file can take a file system a
 * millisecond. Undefined when that failed; why, `openFdFile` tells.
 */
export async function openFdFileElsewhere(
  path: string,
  options: OpenFdFileOptions = {},
): Promise<FdFile | undefined> {
  const mode = options.mode ?? 0o600;
  const fd = await libc().open_off_thread(cString(path), flagsOf(options), mode);
  return fd < 0 ? undefined : new FdFile(fd, path, options.makeRoom);
}

function flagsOf({ create, exclusive }: OpenFdFileOptions): number {
  return O_RDWR | O_CLOEXEC | (create === true ? O_CREAT : 0) | (exclusive === true ? O_EXCL : 0);
}

/**
 * An empty file in memory that has no name anywhere; it goes with its last descriptor. `path` is what
 * messages call it. Undefined where the kernel makes none.
 */
export function openMemoryFile(path: string): FdFile | undefined {
  const fd = libc().memfd_create(cString("cloudmount"), MFD_CLOEXEC);
  return fd < 0 ? undefined : new FdFile(fd, path);
}

/** An open file. All methods throw `SystemError`; after `close` with EBADF. */
export class FdFile {
  readonly path: string;
  readonly #makeRoom: MakeRoom | undefined;
  #fd: number;
  /** The descriptor stays open while one of these runs: its number could be taken by another file. */
  readonly #callsElsewhere = new Set<Promise<number>>();

  /** Takes over `fd`. */
  constructor(fd: number, path: string, makeRoom?: MakeRoom) {
    this.#fd = fd;
    this.#makeRoom = makeRoom;
    this.path = path;
  }

  /** The descriptor's number, to be handed to another process; -1 once closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Fills `target` from `offset`; returns the bytes read, fewer than asked only at the end of the file. */
  pread(target: Uint8Array<ArrayBuffer>, offset: number): number {
    let done = 0;
    while (done < target.length) {
      const rest = done === 0 ? target : target.subarray(done);
      const got = libc().pread(this.#fd, rest, BigInt(rest.length), BigInt(offset + done));
      if (got === 0) break;
      if (got > 0) done += got;
      else this.#failUnlessPassing("read", "pread");
    }
    return done;
  }

  /** Fills `target` from `offset` if that needs no waiting for the device; false when it does, or fails. */
  preadNow(target: Uint8Array<ArrayBuffer>, offset: number): boolean {
    if (!this.#isCached(offset, target.length)) return false;
    const piece = new BigUint64Array(2);
    piece[0] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(target));
    piece[1] = BigInt(target.length);
    return libc().preadv2(this.#fd, piece, 1, BigInt(offset), RWF_NOWAIT) === target.length;
  }

  /**
   * As `pread`, on another thread; `target` must stay as it is until then. The error number is lost:
   * every failure counts as the end of the file.
   */
  async preadElsewhere(target: Uint8Array<ArrayBuffer>, offset: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const rest = target.subarray(done);
      const got = await this.#elsewhere(
        libc().pread_off_thread(this.#fd, rest, BigInt(rest.length), BigInt(offset + done)),
      );
      if (got <= 0) break;
      done += got;
    }
    return done;
  }

  /**
   * Writes the parts one behind the other from `offset` on, on another thread; they must stay as they
   * are until then. There are at most 1024 (UIO_MAXIOV). On an error a part may have been written.
   */
  async pwriteElsewhere(
    parts: readonly Uint8Array<ArrayBuffer>[],
    offset: number,
  ): Promise<void> {
    const pieces = new BigUint64Array(2 * parts.length);
    for (const [i, part] of parts.entries()) {
      pieces[2 * i] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(part));
      pieces[2 * i + 1] = BigInt(part.length);
    }
    const put = await this.#elsewhere(
      libc().pwritev_off_thread(this.#fd, pieces, parts.length, BigInt(offset)),
    );
    // What is missing from here, if only for the sake of the error's number.
    let at = 0;
    for (const part of parts) {
      const done = Math.max(0, Math.min(part.length, put - at));
      if (done < part.length) this.pwrite(part.subarray(done), offset + at + done);
      at += part.length;
    }
  }

  /** Writes all of `data` at `offset`. On an error a part of it may have been written. */
  pwrite(data: Uint8Array<ArrayBuffer>, offset: number): void {
    let done = 0;
    while (done < data.length) {
      const rest = done === 0 ? data : data.subarray(done);
      const put = libc().pwrite(this.#fd, rest, BigInt(rest.length), BigInt(offset + done));
      if (put >= 0) done += put;
      else this.#failUnlessPassing("write", "pwrite", rest.length);
    }
  }

  /** Sets the size: cuts, or extends by a hole. */
  truncate(size: number): void {
    while (libc().ftruncate(this.#fd, BigInt(size)) !== 0) {
      this.#failUnlessPassing("resize", "ftruncate");
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
      this.#failUnlessPassing("allocate space in", "fallocate", length);
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
    if (await this.#elsewhere(libc().fdatasync_off_thread(this.#fd)) !== 0) {
      throw new SystemError(`Cannot sync "${this.path}"`, "fdatasync", "EIO", this.path);
    }
  }

  /** Has the kernel read a range from the device into its cache, soon; tells nothing. */
  willNeed(offset: number, length: number): void {
    void this.#elsewhere(
      libc().posix_fadvise_off_thread(
        this.#fd,
        BigInt(offset),
        BigInt(length),
        POSIX_FADV_WILLNEED,
      ),
    );
  }

  /**
   * Whether all pages of a range are in the kernel's cache; true where it cannot tell. RWF_NOWAIT alone
   * would begin to read from the device, for which this thread may have to wait all the same.
   */
  #isCached(offset: number, length: number): boolean {
    CACHESTAT_RANGE[0] = BigInt(offset);
    CACHESTAT_RANGE[1] = BigInt(length);
    if (libc().syscall(SYS_CACHESTAT, this.#fd, CACHESTAT_RANGE, CACHESTAT, 0) !== 0n) return true;
    const pages = Math.ceil((offset + length) / PAGE_BYTES) - Math.floor(offset / PAGE_BYTES);
    return Number(CACHESTAT[0]) >= pages;
  }

  /** Closes the file, once the calls on other threads are over; further calls do nothing. */
  close(): void {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    // close(2) frees the number also when it reports EINTR or EIO, so it is never repeated.
    if (this.#callsElsewhere.size === 0) libc().close(fd);
    else void Promise.allSettled([...this.#callsElsewhere]).then(() => libc().close(fd));
  }

  async #elsewhere(call: Promise<number>): Promise<number> {
    this.#callsElsewhere.add(call);
    try {
      return await call;
    } finally {
      this.#callsElsewhere.delete(call);
    }
  }

  /** Returns when it is worth trying again. */
  #failUnlessPassing(verb: string, syscall: string, wantedBytes = 0): void {
    const number = lastErrno();
    if (number === EINTR) return;
    if (number === ENOSPC && this.#makeRoom?.(wantedBytes) === true) return;
    throw SystemError.of(`Cannot ${verb} "${this.path}"`, syscall, number, this.path);
  }
}
