import type { FileSystem, HandleId, InodeNumber, OpContext } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { OPEN_KILL_SUIDGID } from "../wire/protocol_flags.ts";
import { encodeCreate, encodeOpen } from "../wire/replies.ts";
import { forgetEntry, type FuseOp, notImplemented, whenReady } from "./op.ts";
import { clearSetIds } from "./set_ids.ts";

/** Done by the kernel, or by CREATE itself. Linux's numbers, on both of our architectures. */
const O_CREAT = 0o100;
const O_EXCL = 0o200;

export const open: FuseOp = {
  opcode: Opcode.OPEN,
  handle({ inode, args, context }, fs) {
    const flags = args.u32();
    const killSetIds = (args.u32() & OPEN_KILL_SUIDGID) !== 0;
    const cleared = killSetIds ? clearSetIds(inode, fs, context) : undefined;
    const opened = whenReady(
      cleared,
      () => fs.open?.(inode, withoutCreation(flags), context) ?? notImplemented(),
    );
    return whenReady(opened, (result) => ({
      parts: [encodeOpen(result)],
      undo: () => fs.release?.(inode, result.fh, context),
    }));
  },
};

export const create: FuseOp = {
  opcode: Opcode.CREATE,
  handle({ inode, args, context, layout }, fs) {
    const flags = args.u32();
    const mode = args.u32();
    args.skip(8);
    const name = args.name();
    const created = fs.create?.(inode, name, mode, withoutCreation(flags), context) ??
      notImplemented();
    return whenReady(created, ({ entry, open }) => ({
      parts: [encodeCreate(entry, open, layout)],
      undo: async () => {
        if (entry.ino !== 0) await release(fs, entry.ino, open.fh, context);
        forgetEntry(entry, fs);
      },
    }));
  },
};

function withoutCreation(flags: number): number {
  return flags & ~(O_CREAT | O_EXCL);
}

async function release(fs: FileSystem, inode: InodeNumber, fh: HandleId, context: OpContext) {
  await fs.release?.(inode, fh, context);
}
