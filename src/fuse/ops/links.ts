import type { InodeNumber } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { entryReply, type FuseOp, notImplemented, reply, whenReady } from "./op.ts";

export const readlink: FuseOp = {
  opcode: Opcode.READLINK,
  handle({ inode, context }, fs) {
    const target = fs.readlink?.(inode, context) ?? notImplemented();
    return whenReady(target, (text) => reply(new TextEncoder().encode(text)));
  },
};

export const symlink: FuseOp = {
  opcode: Opcode.SYMLINK,
  handle(request, fs) {
    const name = request.args.name();
    const target = request.args.text();
    const made = fs.symlink?.(request.inode, name, target, request.context) ?? notImplemented();
    return entryReply(made, request, fs);
  },
};

export const link: FuseOp = {
  opcode: Opcode.LINK,
  handle(request, fs) {
    const source = request.args.u64() as InodeNumber;
    const name = request.args.name();
    const made = fs.link?.(source, request.inode, name, request.context) ?? notImplemented();
    return entryReply(made, request, fs);
  },
};
