import { Opcode } from "../wire/opcodes.ts";
import { entryReply, type FuseOp } from "./op.ts";

export const lookup: FuseOp = {
  opcode: Opcode.LOOKUP,
  handle(request, fs) {
    const name = request.args.name();
    return entryReply(fs.lookup(request.inode, name, request.context), request, fs);
  },
};
