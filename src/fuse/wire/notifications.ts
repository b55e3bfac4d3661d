/**
 * Messages that the kernel did not ask for: a reply header with number 0 and the code in place of the
 * error. Source: `enum fuse_notify_code`, `fuse_notify_inval_*_out` of linux/fuse.h.
 */
import type { InodeNumber } from "../../vfs/file_system.ts";
import { REPLY_HEADER_BYTES } from "./header.ts";
import { writeI64 } from "./numbers.ts";

const NOTIFY_INVAL_INODE = 2;
const NOTIFY_INVAL_ENTRY = 3;
/** Do not drop the entry, which may be somebody's working directory, but ask for it again. */
const EXPIRE_ONLY = 1;
/** Of the protocol (7.x), since when. */
export const EXPIRE_ONLY_MINOR = 38;
const NOTIFY_RESEND = 7;

/** Forget an inode's attributes, and its pages from `offset` for `length` bytes (0: to the end). */
export function encodeInvalidateInode(
  inode: InodeNumber,
  offset: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const { bytes, view } = message(NOTIFY_INVAL_INODE, 24);
  writeI64(view, REPLY_HEADER_BYTES, inode);
  writeI64(view, REPLY_HEADER_BYTES + 8, offset);
  writeI64(view, REPLY_HEADER_BYTES + 16, length);
  return bytes;
}

/** Forget what a name in a directory leads to, or ask for it again. */
export function encodeInvalidateEntry(
  parent: InodeNumber,
  name: string,
  how: "forget" | "expire" = "forget",
): Uint8Array<ArrayBuffer> {
  const encoded = new TextEncoder().encode(name);
  const { bytes, view } = message(NOTIFY_INVAL_ENTRY, 16 + encoded.length + 1);
  writeI64(view, REPLY_HEADER_BYTES, parent);
  view.setUint32(REPLY_HEADER_BYTES + 8, encoded.length, true);
  if (how === "expire") view.setUint32(REPLY_HEADER_BYTES + 12, EXPIRE_ONLY, true);
  bytes.set(encoded, REPLY_HEADER_BYTES + 16);
  return bytes;
}

/**
 * Send again what was taken and not answered: it was taken by a process that has ended. From Linux 6.9 on;
 * before it is EINVAL.
 */
export function encodeResend(): Uint8Array<ArrayBuffer> {
  return message(NOTIFY_RESEND, 0).bytes;
}

function message(code: number, bodyBytes: number) {
  const buffer = new ArrayBuffer(REPLY_HEADER_BYTES + bodyBytes);
  const view = new DataView(buffer);
  view.setUint32(0, buffer.byteLength, true);
  view.setInt32(4, code, true);
  return { bytes: new Uint8Array(buffer), view };
}
