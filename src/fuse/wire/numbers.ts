/** 64-bit integers as numbers: exact up to 2^53, which inodes, handles, sizes and offsets never pass. */

const HIGH = 2 ** 32;

/** Unsigned, little endian. Above 2^53 the result is rounded. */
export function readU64(view: DataView<ArrayBuffer>, at: number): number {
  return view.getUint32(at + 4, true) * HIGH + view.getUint32(at, true);
}

/** Signed, little endian. */
export function readI64(view: DataView<ArrayBuffer>, at: number): number {
  return view.getInt32(at + 4, true) * HIGH + view.getUint32(at, true);
}

/** Little endian; a negative `value` in two's complement. */
export function writeI64(view: DataView<ArrayBuffer>, at: number, value: number): void {
  // Both halves are taken modulo 2^32 by the DataView.
  view.setUint32(at, value % HIGH, true);
  view.setUint32(at + 4, Math.floor(value / HIGH), true);
}
