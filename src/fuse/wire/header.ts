/** The headers of requests and replies. Source: `fuse_in_header`, `fuse_out_header` of linux/fuse.h. */
import type { InodeNumber } from "../../vfs/file_system.ts";
import { readU64 } from "./numbers.ts";

export const REQUEST_HEADER_BYTES = 40;
export const REPLY_HEADER_BYTES = 16;

/**
 * A request's number, as its two halves: bit 63 marks a request sent again (FUSE_UNIQUE_RESEND), and a
 * reply must repeat all 64 bits.
 */
export interface Unique {
  readonly low: number;
  readonly high: number;
}

export interface RequestHeader {
  /** Bytes of the whole request. */
  readonly length: number;
  readonly opcode: number;
  readonly unique: Unique;
  readonly inode: InodeNumber;
  readonly uid: number;
  readonly gid: number;
  /** The calling thread, in our pid namespace; 0 when it is not in it. */
  readonly pid: number;
}

/** Decodes the header at the start of `view`, which holds at least `REQUEST_HEADER_BYTES`. */
export function decodeRequestHeader(view: DataView<ArrayBuffer>): RequestHeader {
  return {
    length: view.getUint32(0, true),
    opcode: view.getUint32(4, true),
    unique: { low: view.getUint32(8, true), high: view.getUint32(12, true) },
    inode: readU64(view, 16) as InodeNumber,
    uid: view.getUint32(24, true),
    gid: view.getUint32(28, true),
    pid: view.getUint32(32, true),
  };
}

/** Writes a reply's header at the start of `view`; `errno` is 0 or a positive error number. */
export function encodeReplyHeader(
  view: DataView<ArrayBuffer>,
  length: number,
  errno: number,
  unique: Unique,
): void {
  view.setUint32(0, length, true);
  view.setInt32(4, -errno, true);
  view.setUint32(8, unique.low, true);
  view.setUint32(12, unique.high, true);
}

/** True for a request that is sent again (FUSE_UNIQUE_RESEND). */
export function isRepeated({ high }: Unique): boolean {
  return (high & 0x8000_0000) !== 0;
}

/** A number that tells requests in flight apart: `unique` without its upper 11 bits. */
export function uniqueKey(unique: Unique): number {
  return (unique.high & 0x1f_ffff) * 2 ** 32 + unique.low;
}
