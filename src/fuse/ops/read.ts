import { FsError, type HandleId } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { type FuseOp, notImplemented, whenReady } from "./op.ts";

export const read: FuseOp = {
  opcode: Opcode.READ,
  handle({ inode, args, context }, fs) {
    const fh = args.u64() as HandleId;
    const offset = args.i64();
    const size = args.u32();
    const data = fs.read?.(inode, fh, offset, size, context) ?? notImplemented();
    return whenReady(data, (parts) => {
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      if (length > size) {
        throw new FsError("EIO", `Cannot answer a read of ${size} bytes with ${length}`);
      }
      return { parts };
    });
  },
};
