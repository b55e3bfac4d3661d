import type { InodeNumber } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { EMPTY_REPLY, type FuseOp } from "./op.ts";

export const forget: FuseOp = {
  opcode: Opcode.FORGET,
  silent: true,
  handle({ inode, args }, fs) {
    fs.forget(inode, args.u64());
    return EMPTY_REPLY;
  },
};

export const batchForget: FuseOp = {
  opcode: Opcode.BATCH_FORGET,
  silent: true,
  handle({ args }, fs) {
    const count = args.u32();
    args.skip(4);
    for (let index = 0; index < count; index++) {
      const inode = args.u64() as InodeNumber;
      fs.forget(inode, args.u64());
    }
    return EMPTY_REPLY;
  },
};
