/** Linux's layout. Source: `fuse_attr`, `fuse_setattr_in`, `fuse_*xattr_in` of linux/fuse.h. */
import type { Timespec } from "../../base/posix.ts";
import type { Attr, AttrChanges, HandleId } from "../../vfs/file_system.ts";
import type { ArgumentReader } from "./argument_reader.ts";
import type { SetattrRequest, WireLayout } from "./layout.ts";
import { writeI64 } from "./numbers.ts";
import { SetattrValid } from "./protocol_flags.ts";

/** stat(2) counts blocks of 512 bytes whatever the block size is. */
const STAT_BLOCK_BYTES = 512;
/** What programs take as a good size of buffers; the kernel's default too. */
const PREFERRED_IO_BYTES = 4096;

export const linuxLayout: WireLayout = {
  attrBytes: 88,

  writeAttr(view, at, attr: Attr): void {
    writeI64(view, at, attr.ino);
    writeI64(view, at + 8, attr.size);
    writeI64(view, at + 16, Math.ceil(attr.size / STAT_BLOCK_BYTES));
    writeI64(view, at + 24, attr.atime.sec);
    writeI64(view, at + 32, attr.mtime.sec);
    writeI64(view, at + 40, attr.ctime.sec);
    view.setUint32(at + 48, attr.atime.nsec, true);
    view.setUint32(at + 52, attr.mtime.nsec, true);
    view.setUint32(at + 56, attr.ctime.nsec, true);
    view.setUint32(at + 60, attr.mode, true);
    view.setUint32(at + 64, attr.nlink, true);
    view.setUint32(at + 68, attr.uid, true);
    view.setUint32(at + 72, attr.gid, true);
    view.setUint32(at + 76, attr.rdev, true);
    view.setUint32(at + 80, PREFERRED_IO_BYTES, true);
    view.setUint32(at + 84, 0, true);
  },

  readSetattr(args): SetattrRequest {
    const valid = args.u32();
    args.skip(4);
    const fh = args.u64() as HandleId;
    const size = args.u64();
    args.skip(8); // lock_owner
    const atimeSec = args.i64();
    const mtimeSec = args.i64();
    args.skip(8); // ctime: only with the write-back cache
    const atime: Timespec = { sec: atimeSec, nsec: args.u32() };
    const mtime: Timespec = { sec: mtimeSec, nsec: args.u32() };
    args.skip(4);
    const mode = args.u32();
    args.skip(4);
    const uid = args.u32();
    const gid = args.u32();
    args.skip(4);
    const has = (bit: number) => (valid & bit) !== 0;
    const changes: AttrChanges = {
      ...(has(SetattrValid.MODE) ? { mode } : {}),
      ...(has(SetattrValid.UID) ? { uid } : {}),
      ...(has(SetattrValid.GID) ? { gid } : {}),
      ...(has(SetattrValid.SIZE) ? { size } : {}),
      ...(has(SetattrValid.ATIME) ? { atime: has(SetattrValid.ATIME_NOW) ? "now" : atime } : {}),
      ...(has(SetattrValid.MTIME) ? { mtime: has(SetattrValid.MTIME_NOW) ? "now" : mtime } : {}),
    };
    return {
      changes,
      fh: has(SetattrValid.FH) ? fh : undefined,
      killSetIds: has(SetattrValid.KILL_SUIDGID),
    };
  },

  readXattrRoom(args: ArgumentReader): number {
    const room = args.u32();
    args.skip(4);
    return room;
  },

  readSetxattr(args: ArgumentReader) {
    return { valueBytes: args.u32(), flags: args.u32() };
  },
};
