import { Opcode } from "../wire/opcodes.ts";
import { encodeStatFs } from "../wire/replies.ts";
import { type FuseOp, notImplemented, reply, whenReady } from "./op.ts";

export const statfs: FuseOp = {
  opcode: Opcode.STATFS,
  handle({ inode, context }, fs) {
    const stat = fs.statfs?.(inode, context) ?? notImplemented();
    return whenReady(stat, (result) => reply(encodeStatFs(result)));
  },
};
