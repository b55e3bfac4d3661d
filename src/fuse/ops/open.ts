import type { FileSystem, HandleId, InodeNumber, OpContext } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { encodeCreate, encodeOpen } from "../wire/replies.ts";
import { forgetEntry, type FuseOp, notImplemented, whenReady } from "./op.ts";

/** Linux's numbers, on both of our architectures. */
const O_CREAT = 0o100;
const O_EXCL = 0o200;

export const open: FuseOp = {
  opcode: Opcode.OPEN,
  handle({ inode, args, context }, fs) {
    // The kernel has looked for the name already.
    const flags = args.u32() & ~(O_CREAT | O_EXCL);
    const opened = fs.open?.(inode, flags, context) ?? notImplemented();
    return whenReady(opened, (result) => ({
      parts: [encodeOpen(result)],
      undo: () => fs.release?.(inode, result.fh, context),
    }));
  },
};

export const create: FuseOp = {
  opcode: Opcode.CREATE,
  handle({ inode, args, context, layout }, fs) {
    // O_EXCL stays: somebody else may have made the file since the kernel looked.
    const flags = args.u32() & ~O_CREAT;
    const mode = args.u32();
    args.skip(8);
    const name = args.name();
    const created = fs.create?.(inode, name, mode, flags, context) ?? notImplemented();
    return whenReady(created, ({ entry, open }) => ({
      parts: [encodeCreate(entry, open, layout)],
      undo: async () => {
        if (entry.ino !== 0) await release(fs, entry.ino, open.fh, context);
        forgetEntry(entry, fs);
      },
    }));
  },
};

async function release(fs: FileSystem, inode: InodeNumber, fh: HandleId, context: OpContext) {
  await fs.release?.(inode, fh, context);
}
