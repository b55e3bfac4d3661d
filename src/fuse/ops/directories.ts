import type { FileSystem, HandleId, MaybePromise } from "../../vfs/file_system.ts";
import { DirentBuffer } from "../wire/dirent_buffer.ts";
import type { WireLayout } from "../wire/layout.ts";
import { Opcode } from "../wire/opcodes.ts";
import { encodeOpen } from "../wire/replies.ts";
import {
  emptyWhenDone,
  type FuseOp,
  type FuseRequest,
  notImplemented,
  type Reply,
  whenReady,
} from "./op.ts";

/** The kernel asks for at most a few hundred KiB; a malformed request must not make us allocate more. */
const DIRENT_BYTES_MAX = 1 << 20;

export const opendir: FuseOp = {
  opcode: Opcode.OPENDIR,
  handle({ inode, args, context }, fs) {
    const opened = fs.opendir?.(inode, args.u32(), context) ?? notImplemented();
    return whenReady(opened, (result) => ({
      parts: [encodeOpen(result)],
      undo: () => fs.releasedir?.(inode, result.fh, context),
    }));
  },
};

export const readdir: FuseOp = {
  opcode: Opcode.READDIR,
  handle: (request, fs) => list(request, fs, undefined),
};

export const readdirplus: FuseOp = {
  opcode: Opcode.READDIRPLUS,
  handle: (request, fs) => list(request, fs, request.layout),
};

export const releasedir: FuseOp = {
  opcode: Opcode.RELEASEDIR,
  handle({ inode, args, context }, fs) {
    if (fs.releasedir === undefined) notImplemented();
    return emptyWhenDone(fs.releasedir(inode, args.u64() as HandleId, context));
  },
};

export const fsyncdir: FuseOp = {
  opcode: Opcode.FSYNCDIR,
  handle({ inode, args, context }, fs) {
    if (fs.fsyncdir === undefined) notImplemented();
    return emptyWhenDone(fs.fsyncdir(inode, args.u64() as HandleId, context));
  },
};

function list(
  { inode, args, context }: FuseRequest,
  fs: FileSystem,
  plus: WireLayout | undefined,
): MaybePromise<Reply> {
  if (fs.readdir === undefined) notImplemented();
  const fh = args.u64() as HandleId;
  const cookie = args.i64();
  const entries = new DirentBuffer(Math.min(args.u32(), DIRENT_BYTES_MAX), plus);
  const undo = () => {
    for (const counted of entries.counted) fs.forget(counted, 1);
  };
  const done = fs.readdir(inode, fh, cookie, (dirent) => entries.add(dirent), context);
  if (!(done instanceof Promise)) return { parts: [entries.bytes], undo };
  return done.then(() => ({ parts: [entries.bytes], undo }), (error: unknown) => {
    undo();
    throw error;
  });
}
