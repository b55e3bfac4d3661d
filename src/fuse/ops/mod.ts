/**
 * The table of handlers. What is missing answers ENOSYS, which the kernel remembers: then locks, poll and
 * bmap are its own, ioctl fails with ENOTTY, access is checked by the mode (default_permissions), and
 * tmpfile and statx fall back. INIT, INTERRUPT and DESTROY are the session's.
 */
import { getattr, setattr } from "./attributes.ts";
import { copyFileRange, copyFileRange64 } from "./copy.ts";
import { fsyncdir, opendir, readdir, readdirplus, releasedir } from "./directories.ts";
import { batchForget, forget } from "./forget.ts";
import { link, readlink, symlink } from "./links.ts";
import { lookup } from "./lookup.ts";
import { mkdir, mknod } from "./make_node.ts";
import type { FuseOp } from "./op.ts";
import { create, open } from "./open.ts";
import { flush, fsync, release } from "./open_file.ts";
import { read } from "./read.ts";
import { rmdir, unlink } from "./remove.ts";
import { rename, rename2 } from "./rename.ts";
import { fallocate, lseek } from "./space.ts";
import { statfs } from "./statfs.ts";
import { write } from "./write.ts";
import { getxattr, listxattr, removexattr, setxattr } from "./xattrs.ts";

const OPS: readonly FuseOp[] = [
  lookup,
  forget,
  batchForget,
  getattr,
  setattr,
  readlink,
  symlink,
  link,
  mknod,
  mkdir,
  unlink,
  rmdir,
  rename,
  rename2,
  open,
  create,
  read,
  write,
  flush,
  fsync,
  release,
  opendir,
  readdir,
  readdirplus,
  releasedir,
  fsyncdir,
  statfs,
  getxattr,
  setxattr,
  listxattr,
  removexattr,
  fallocate,
  lseek,
  copyFileRange,
  copyFileRange64,
];

export const opsByOpcode: ReadonlyMap<number, FuseOp> = new Map(OPS.map((op) => [op.opcode, op]));
