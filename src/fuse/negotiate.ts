/** What is agreed with the kernel when a mount begins. */
import { FsError } from "../vfs/file_system.ts";
import type { InitReply, InitRequest } from "./wire/init.ts";
import { InitFlag } from "./wire/init_flags.ts";

const MAJOR = 7;
/** Linux 5.4; older kernels have no other FUSE features that we need, and structures that we do not know. */
const MINOR_MIN = 31;
/** The newest version whose messages are known here. */
const MINOR_MAX = 45;

/** The most bytes in one READ or WRITE: 256 pages, the most that kernels allow without being told. */
export const REQUEST_BYTES_MAX = 1 << 20;
const PAGES_MAX = REQUEST_BYTES_MAX / 4096;
/** Readahead requests under way, over all files; the kernel's default of 12 starves a far bucket. */
const BACKGROUND_MAX = 64;
const CONGESTION_THRESHOLD = 48;

/**
 * - AUTO_INVAL_DATA: cached pages go when the size or mtime turns out to be another.
 * - HANDLE_KILLPRIV_V2: see ops/set_ids.ts.
 * - HAS_RESEND: unanswered requests can be had again by another process.
 * - DIRECT_IO_ALLOW_MMAP: a file opened with `directIo` can still be mapped.
 * Not asked for: ATOMIC_O_TRUNC (O_TRUNC would come within OPEN, before the kernel looks whether the
 * file is a program that runs: ETXTBSY, but emptied all the same), DONT_MASK (the kernel applies the
 * umask), EXPORT_SUPPORT (lookups of "." and ".."), POSIX_LOCKS and FLOCK_LOCKS (locks stay in the
 * kernel), WRITEBACK_CACHE (the kernel would decide when writes reach the journal), SETXATTR_EXT
 * (another layout).
 */
const WANTED = InitFlag.ASYNC_READ | InitFlag.BIG_WRITES | InitFlag.AUTO_INVAL_DATA |
  InitFlag.DO_READDIRPLUS | InitFlag.READDIRPLUS_AUTO | InitFlag.ASYNC_DIO |
  InitFlag.PARALLEL_DIROPS | InitFlag.MAX_PAGES | InitFlag.CACHE_SYMLINKS |
  InitFlag.HANDLE_KILLPRIV_V2 | InitFlag.INIT_EXT | InitFlag.DIRECT_IO_ALLOW_MMAP |
  InitFlag.HAS_RESEND;

/** The reply to `request`. Throws `FsError` EPROTO for a kernel that is too old. */
export function negotiate(request: InitRequest): InitReply {
  if (request.major < MAJOR || (request.major === MAJOR && request.minor < MINOR_MIN)) {
    throw new FsError(
      "EPROTO",
      `Cannot serve this kernel: it speaks FUSE ${request.major}.${request.minor}, and ` +
        `${MAJOR}.${MINOR_MIN} is needed; use Linux 5.4 or newer`,
    );
  }
  return {
    // To a newer major version the kernel expects ours, and then asks again.
    major: MAJOR,
    minor: Math.min(request.minor, MINOR_MAX),
    maxReadahead: request.maxReadahead,
    flags: WANTED & request.flags,
    maxBackground: BACKGROUND_MAX,
    congestionThreshold: CONGESTION_THRESHOLD,
    maxWrite: REQUEST_BYTES_MAX,
    timeGranularity: 1,
    maxPages: PAGES_MAX,
  };
}

/** True when the kernel will send another INIT after this one. */
export function asksAgain(request: InitRequest): boolean {
  return request.major > MAJOR;
}
