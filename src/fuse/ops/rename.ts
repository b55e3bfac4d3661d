import type { FileSystem, InodeNumber, MaybePromise } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { emptyWhenDone, type FuseOp, type FuseRequest, notImplemented, type Reply } from "./op.ts";

export const rename: FuseOp = {
  opcode: Opcode.RENAME,
  handle(request, fs) {
    const newParent = request.args.u64() as InodeNumber;
    return move(request, fs, newParent, 0);
  },
};

export const rename2: FuseOp = {
  opcode: Opcode.RENAME2,
  handle(request, fs) {
    const newParent = request.args.u64() as InodeNumber;
    const flags = request.args.u32();
    request.args.skip(4);
    return move(request, fs, newParent, flags);
  },
};

function move(
  { inode, args, context }: FuseRequest,
  fs: FileSystem,
  newParent: InodeNumber,
  flags: number,
): MaybePromise<Reply> {
  if (fs.rename === undefined) notImplemented();
  const name = args.name();
  const newName = args.name();
  return emptyWhenDone(fs.rename(inode, name, newParent, newName, flags, context));
}
