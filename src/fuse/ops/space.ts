import type { HandleId } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { encodeOffset } from "../wire/replies.ts";
import { emptyWhenDone, type FuseOp, notImplemented, reply, whenReady } from "./op.ts";
import { clearSetIdsForOthers } from "./set_ids.ts";

export const fallocate: FuseOp = {
  opcode: Opcode.FALLOCATE,
  handle({ inode, args, context }, fs) {
    if (fs.fallocate === undefined) notImplemented();
    const fh = args.u64() as HandleId;
    const offset = args.i64();
    const length = args.i64();
    const mode = args.u32();
    const allocated = whenReady(
      clearSetIdsForOthers(inode, fs, context),
      () => fs.fallocate?.(inode, fh, mode, offset, length, context),
    );
    return emptyWhenDone(allocated);
  },
};

export const lseek: FuseOp = {
  opcode: Opcode.LSEEK,
  handle({ inode, args, context }, fs) {
    const fh = args.u64() as HandleId;
    const offset = args.i64();
    const whence = args.u32();
    const found = fs.lseek?.(inode, fh, offset, whence, context) ?? notImplemented();
    return whenReady(found, (result) => reply(encodeOffset(result)));
  },
};
