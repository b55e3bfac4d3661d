/** What happens to an open file besides reading and writing. */
import type { HandleId } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { FSYNC_FDATASYNC } from "../wire/protocol_flags.ts";
import { emptyWhenDone, type FuseOp, notImplemented } from "./op.ts";

export const flush: FuseOp = {
  opcode: Opcode.FLUSH,
  handle({ inode, args, context }, fs) {
    if (fs.flush === undefined) notImplemented();
    return emptyWhenDone(fs.flush(inode, args.u64() as HandleId, context));
  },
};

export const fsync: FuseOp = {
  opcode: Opcode.FSYNC,
  handle({ inode, args, context }, fs) {
    if (fs.fsync === undefined) notImplemented();
    const fh = args.u64() as HandleId;
    const datasync = (args.u32() & FSYNC_FDATASYNC) !== 0;
    return emptyWhenDone(fs.fsync(inode, fh, datasync, context));
  },
};

export const release: FuseOp = {
  opcode: Opcode.RELEASE,
  handle({ inode, args, context }, fs) {
    if (fs.release === undefined) notImplemented();
    return emptyWhenDone(fs.release(inode, args.u64() as HandleId, context));
  },
};
