/** The first message of a connection. Source: `fuse_init_in`, `fuse_init_out` of linux/fuse.h. */
import type { ArgumentReader } from "./argument_reader.ts";
import { InitFlag } from "./init_flags.ts";

const INIT_OUT_BYTES = 64;

export interface InitRequest {
  readonly major: number;
  readonly minor: number;
  /** Bytes. */
  readonly maxReadahead: number;
  /** What the kernel can do; see `InitFlag`. */
  readonly flags: bigint;
}

export interface InitReply {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: bigint;
  /** Asynchronous requests (readahead, direct I/O) under way at most, and when to call it congested. */
  readonly maxBackground: number;
  readonly congestionThreshold: number;
  readonly maxWrite: number;
  /** Granularity of times, nanoseconds. */
  readonly timeGranularity: number;
  /** Pages of 4 KiB in one request. */
  readonly maxPages: number;
}

export function decodeInit(args: ArgumentReader): InitRequest {
  const major = args.u32();
  const minor = args.u32();
  const maxReadahead = args.u32();
  let flags = BigInt(args.u32());
  // Kernels before 7.36 end the message here.
  if ((flags & InitFlag.INIT_EXT) !== 0n) flags |= BigInt(args.u32()) << 32n;
  return { major, minor, maxReadahead, flags };
}

export function encodeInit(reply: InitReply): Uint8Array<ArrayBuffer> {
  const buffer = new ArrayBuffer(INIT_OUT_BYTES);
  const view = new DataView(buffer);
  view.setUint32(0, reply.major, true);
  view.setUint32(4, reply.minor, true);
  view.setUint32(8, reply.maxReadahead, true);
  view.setUint32(12, Number(reply.flags & 0xffff_ffffn), true);
  view.setUint16(16, reply.maxBackground, true);
  view.setUint16(18, reply.congestionThreshold, true);
  view.setUint32(20, reply.maxWrite, true);
  view.setUint32(24, reply.timeGranularity, true);
  view.setUint16(28, reply.maxPages, true);
  view.setUint32(32, Number(reply.flags >> 32n), true);
  return new Uint8Array(buffer);
}
