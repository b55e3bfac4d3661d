/** Flag bits inside messages. Source: include/uapi/linux/fuse.h. */

/** `fuse_setattr_in.valid`: which fields are to change. */
export const SetattrValid = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
  LOCKOWNER: 1 << 9,
  CTIME: 1 << 10,
  KILL_SUIDGID: 1 << 11,
} as const;

/** `fuse_open_out.open_flags`: what the kernel may do with the open file. */
export const OpenReplyFlag = {
  DIRECT_IO: 1 << 0,
  KEEP_CACHE: 1 << 1,
  CACHE_DIR: 1 << 3,
  NOFLUSH: 1 << 5,
} as const;

/** `fuse_getattr_in.getattr_flags`: the handle is given. */
export const GETATTR_FH = 1 << 0;
/** `fuse_write_in.write_flags`: clear the set-id bits. */
export const WRITE_KILL_SUIDGID = 1 << 2;
/** `fuse_fsync_in.fsync_flags`: data only. */
export const FSYNC_FDATASYNC = 1 << 0;
