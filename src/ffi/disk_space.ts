/** How much room a file system has. */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

/** `struct statvfs` of glibc on 64-bit Linux (bits/statvfs.h): 112 bytes. */
const STATVFS_BYTES = 112;
const F_FRSIZE = 8;
const F_BLOCKS = 16;
const F_BAVAIL = 32;

export interface DiskSpace {
  /** Of the whole file system. */
  readonly totalBytes: number;
  /** That this user can still allocate. */
  readonly freeBytes: number;
}

/** Of the file system that holds `path`. Throws `SystemError`. */
export function diskSpace(path: string): DiskSpace {
  const buffer = new Uint8Array(new ArrayBuffer(STATVFS_BYTES));
  if (libc().statvfs(cString(path), buffer) !== 0) {
    throw SystemError.of(`Cannot ask for free space at "${path}"`, "statvfs", lastErrno(), path);
  }
  const view = new DataView(buffer.buffer);
  const unit = Number(view.getBigUint64(F_FRSIZE, true));
  return {
    totalBytes: unit * Number(view.getBigUint64(F_BLOCKS, true)),
    freeBytes: unit * Number(view.getBigUint64(F_BAVAIL, true)),
  };
}
