/** Bodies of replies. Source: the `fuse_*_out` structures of linux/fuse.h. */
import { S_IFMT, S_IFREG } from "../../base/posix.ts";
import type { Attr, AttrReply, Entry, OpenReply, StatFs } from "../../vfs/file_system.ts";
import type { WireLayout } from "./layout.ts";
import { writeI64 } from "./numbers.ts";
import { OpenReplyFlag } from "./protocol_flags.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Bytes of `fuse_entry_out` before its attributes. */
const ENTRY_HEAD_BYTES = 40;
const ATTR_HEAD_BYTES = 16;
const OPEN_BYTES = 16;
const STATFS_BYTES = 80;

/** Longer is for ever: a cap that the kernel's conversion to jiffies takes without overflow. */
const TTL_MS_MAX = 365 * 86_400_000;
const SET_IDS = 0o6000;

export function entryBytes(layout: WireLayout): number {
  return ENTRY_HEAD_BYTES + layout.attrBytes;
}

/** Writes `fuse_entry_out`; a missing name (`ino` 0) has no attributes. */
export function writeEntry(
  view: DataView<ArrayBuffer>,
  at: number,
  entry: Entry,
  layout: WireLayout,
): void {
  writeI64(view, at, entry.ino);
  writeI64(view, at + 8, entry.generation);
  writeTtl(view, at + 16, at + 32, entry.entryTtlMs);
  writeTtl(view, at + 24, at + 36, attrTtlMs(entry.attrTtlMs, entry.attr));
  if (entry.attr !== undefined) layout.writeAttr(view, at + ENTRY_HEAD_BYTES, entry.attr);
}

export function encodeEntry(entry: Entry, layout: WireLayout): Bytes {
  const { bytes, view } = allocate(entryBytes(layout));
  writeEntry(view, 0, entry, layout);
  return bytes;
}

export function encodeAttr(reply: AttrReply, layout: WireLayout): Bytes {
  const { bytes, view } = allocate(ATTR_HEAD_BYTES + layout.attrBytes);
  writeTtl(view, 0, 8, attrTtlMs(reply.ttlMs, reply.attr));
  layout.writeAttr(view, ATTR_HEAD_BYTES, reply.attr);
  return bytes;
}

export function encodeOpen(reply: OpenReply): Bytes {
  const { bytes, view } = allocate(OPEN_BYTES);
  writeOpen(view, 0, reply);
  return bytes;
}

export function encodeCreate(entry: Entry, open: OpenReply, layout: WireLayout): Bytes {
  const head = entryBytes(layout);
  const { bytes, view } = allocate(head + OPEN_BYTES);
  writeEntry(view, 0, entry, layout);
  writeOpen(view, head, open);
  return bytes;
}

/** `fuse_write_out` and `fuse_getxattr_out`: a count of bytes. */
export function encodeCount(count: number): Bytes {
  const { bytes, view } = allocate(8);
  view.setUint32(0, count, true);
  return bytes;
}

/** `fuse_lseek_out`. */
export function encodeOffset(offset: number): Bytes {
  const { bytes, view } = allocate(8);
  writeI64(view, 0, offset);
  return bytes;
}

export function encodeStatFs(stat: StatFs): Bytes {
  const { bytes, view } = allocate(STATFS_BYTES);
  writeI64(view, 0, stat.blocks);
  writeI64(view, 8, stat.blocksFree);
  writeI64(view, 16, stat.blocksFree);
  writeI64(view, 24, stat.files);
  writeI64(view, 32, stat.filesFree);
  view.setUint32(40, stat.blockSize, true);
  view.setUint32(44, stat.nameMax, true);
  view.setUint32(48, stat.blockSize, true);
  return bytes;
}

/** The names of LISTXATTR, each ended by NUL. */
export function encodeNames(names: readonly string[]): Bytes {
  return new TextEncoder().encode(names.map((name) => name + "\0").join(""));
}

function writeOpen(view: DataView<ArrayBuffer>, at: number, reply: OpenReply): void {
  writeI64(view, at, reply.fh);
  view.setUint32(
    at + 8,
    (reply.directIo === true ? OpenReplyFlag.DIRECT_IO : 0) |
      (reply.keepCache === true ? OpenReplyFlag.KEEP_CACHE : 0) |
      (reply.cacheDir === true ? OpenReplyFlag.CACHE_DIR : 0) |
      (reply.noFlush === true ? OpenReplyFlag.NOFLUSH : 0),
    true,
  );
}

/** A write takes the set-id bits (see ops/set_ids.ts), and its reply cannot tell the kernel. */
function attrTtlMs(ttlMs: number, attr: Attr | undefined): number {
  const goes = attr !== undefined && (attr.mode & S_IFMT) === S_IFREG &&
    (attr.mode & SET_IDS) !== 0;
  return goes ? 0 : ttlMs;
}

function writeTtl(
  view: DataView<ArrayBuffer>,
  secondsAt: number,
  nanosecondsAt: number,
  ttlMs: number,
): void {
  const ms = Math.min(Math.max(Math.floor(ttlMs), 0), TTL_MS_MAX);
  writeI64(view, secondsAt, Math.floor(ms / 1000));
  view.setUint32(nanosecondsAt, (ms % 1000) * 1_000_000, true);
}

function allocate(length: number): { bytes: Bytes; view: DataView<ArrayBuffer> } {
  const buffer = new ArrayBuffer(length);
  return { bytes: new Uint8Array(buffer), view: new DataView(buffer) };
}
