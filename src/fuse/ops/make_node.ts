/** The kernel applies the umask to `mode`: DONT_MASK is not asked for. */
import { Opcode } from "../wire/opcodes.ts";
import { entryReply, type FuseOp, notImplemented } from "./op.ts";

export const mknod: FuseOp = {
  opcode: Opcode.MKNOD,
  handle(request, fs) {
    const { inode, args, context } = request;
    const mode = args.u32();
    const rdev = args.u32();
    args.skip(8);
    const name = args.name();
    const made = fs.mknod?.(inode, name, mode, rdev, context) ?? notImplemented();
    return entryReply(made, request, fs);
  },
};

export const mkdir: FuseOp = {
  opcode: Opcode.MKDIR,
  handle(request, fs) {
    const { inode, args, context } = request;
    const mode = args.u32();
    args.skip(4);
    const name = args.name();
    const made = fs.mkdir?.(inode, name, mode, context) ?? notImplemented();
    return entryReply(made, request, fs);
  },
};
