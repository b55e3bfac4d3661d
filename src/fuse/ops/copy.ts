/**
 * Copying inside the mount. Kernels from 7.45 on ask by COPY_FILE_RANGE_64, whose answer is not limited to
 * 32 bits; older ones, which never ask for more than 4 GiB at once, by COPY_FILE_RANGE.
 */
import type { FileSystem, HandleId, InodeNumber, MaybePromise } from "../../vfs/file_system.ts";
import { Opcode } from "../wire/opcodes.ts";
import { encodeCount, encodeOffset } from "../wire/replies.ts";
import { type FuseOp, type FuseRequest, notImplemented, reply, whenReady } from "./op.ts";
import { clearSetIdsForOthers } from "./set_ids.ts";

export const copyFileRange: FuseOp = {
  opcode: Opcode.COPY_FILE_RANGE,
  handle: (request, fs) => whenReady(copy(request, fs), (count) => reply(encodeCount(count))),
};

export const copyFileRange64: FuseOp = {
  opcode: Opcode.COPY_FILE_RANGE_64,
  handle: (request, fs) => whenReady(copy(request, fs), (count) => reply(encodeOffset(count))),
};

function copy({ inode, args, context }: FuseRequest, fs: FileSystem): MaybePromise<number> {
  const fh = args.u64() as HandleId;
  const offset = args.i64();
  const inodeOut = args.u64() as InodeNumber;
  const fhOut = args.u64() as HandleId;
  const offsetOut = args.i64();
  const length = args.u64();
  const flags = args.u64();
  if (fs.copyFileRange === undefined) notImplemented();
  return whenReady(
    clearSetIdsForOthers(inodeOut, fs, context),
    () =>
      fs.copyFileRange?.(inode, fh, offset, inodeOut, fhOut, offsetOut, length, flags, context) ??
        notImplemented(),
  );
}
