import { Opcode } from "../wire/opcodes.ts";
import { emptyWhenDone, type FuseOp, notImplemented } from "./op.ts";

export const unlink: FuseOp = {
  opcode: Opcode.UNLINK,
  handle({ inode, args, context }, fs) {
    if (fs.unlink === undefined) notImplemented();
    return emptyWhenDone(fs.unlink(inode, args.name(), context));
  },
};

export const rmdir: FuseOp = {
  opcode: Opcode.RMDIR,
  handle({ inode, args, context }, fs) {
    if (fs.rmdir === undefined) notImplemented();
    return emptyWhenDone(fs.rmdir(inode, args.name(), context));
  },
};
