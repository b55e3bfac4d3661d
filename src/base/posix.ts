/** The few POSIX notions that all layers share. */

/** A point in time: whole seconds since the epoch (may be negative) and nanoseconds (0 to 999,999,999). */
export interface Timespec {
  readonly sec: number;
  readonly nsec: number;
}

/** File type bits of `mode` (inode(7)). */
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

/** Milliseconds since the epoch as a `Timespec`. */
export function timespecOfMs(ms: number): Timespec {
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.round((ms - sec * 1000) * 1e6) };
}
