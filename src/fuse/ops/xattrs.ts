/**
 * Extended attributes. The namespaces of the system are refused without asking the file system: a
 * capability would survive a write (see set_ids.ts), access lists and labels would not be enforced, and
 * `ls -l` stops asking for them on every file only after ENOTSUP.
 */
import { FsError } from "../../vfs/file_system.ts";
import type { ArgumentReader } from "../wire/argument_reader.ts";
import { Opcode } from "../wire/opcodes.ts";
import { encodeCount, encodeNames } from "../wire/replies.ts";
import { emptyWhenDone, type FuseOp, notImplemented, type Reply, reply, whenReady } from "./op.ts";

const REFUSED = ["security.", "system."];
const NOT_KEPT = new FsError("ENOTSUP", "Cannot keep attributes of the system's namespaces");

export const getxattr: FuseOp = {
  opcode: Opcode.GETXATTR,
  handle({ inode, args, context, layout }, fs) {
    if (fs.getxattr === undefined) notImplemented();
    const room = layout.readXattrRoom(args);
    const name = attributeName(args);
    return whenReady(fs.getxattr(inode, name, context), (value) => within(room, value));
  },
};

export const listxattr: FuseOp = {
  opcode: Opcode.LISTXATTR,
  handle({ inode, args, context, layout }, fs) {
    if (fs.listxattr === undefined) notImplemented();
    const room = layout.readXattrRoom(args);
    return whenReady(
      fs.listxattr(inode, context),
      (names) => within(room, encodeNames(names)),
    );
  },
};

export const setxattr: FuseOp = {
  opcode: Opcode.SETXATTR,
  handle({ inode, args, context, layout }, fs) {
    if (fs.setxattr === undefined) notImplemented();
    const { valueBytes, flags } = layout.readSetxattr(args);
    const name = attributeName(args);
    const value = args.bytes(valueBytes).slice();
    return emptyWhenDone(fs.setxattr(inode, name, value, flags, context));
  },
};

export const removexattr: FuseOp = {
  opcode: Opcode.REMOVEXATTR,
  handle({ inode, args, context }, fs) {
    if (fs.removexattr === undefined) notImplemented();
    return emptyWhenDone(fs.removexattr(inode, attributeName(args), context));
  },
};

function attributeName(args: ArgumentReader): string {
  const name = args.text();
  if (REFUSED.some((namespace) => name.startsWith(namespace))) throw NOT_KEPT;
  return name;
}

function within(room: number, value: Uint8Array): Reply {
  if (room === 0) return reply(encodeCount(value.length));
  if (value.length > room) {
    throw new FsError("ERANGE", `Cannot return ${value.length} bytes into ${room}`);
  }
  return reply(value);
}
