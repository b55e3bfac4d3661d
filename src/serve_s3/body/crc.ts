/**
 * Cyclic redundancy checks that neither the runtime nor zlib has: CRC-32C (Castagnoli) and
 * CRC-64/NVME, both reflected, with all bits set at the start and inverted at the end. Slicing by
 * eight: eight tables, so that eight bytes cost eight independent look-ups.
 */

/** Reversed polynomials. CRC-32 is here for `combineCrc` only; zlib computes it. */
export const CRC32_POLYNOMIAL = 0xedb88320n;
export const CRC32C_POLYNOMIAL = 0x82f63b78n;
export const CRC64NVME_POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

const MASK32 = 0xffffffffn;

/** Table k at index 256 * k; entry b is the CRC of byte b followed by k zero bytes. */
function tables(polynomial: bigint): { low: Uint32Array; high: Uint32Array } {
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  const first: bigint[] = [];
  for (let byte = 0; byte < 256; byte++) {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) {
      value = (value & 1n) === 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    }
    first.push(value);
  }
  for (let byte = 0; byte < 256; byte++) {
    let value = first[byte]!;
    for (let table = 0; table < 8; table++) {
      low[table * 256 + byte] = Number(value & MASK32);
      high[table * 256 + byte] = Number(value >> 32n);
      value = first[Number(value & 0xffn)]! ^ (value >> 8n);
    }
  }
  return { low, high };
}

/** The running state; `value()` may be asked at any time. */
export interface Crc {
  update(bytes: Uint8Array): void;
  value(): bigint;
}

let crc32cTable: Uint32Array | undefined;

export function createCrc32c(): Crc {
  const t = crc32cTable ??= tables(CRC32C_POLYNOMIAL).low;
  let crc = 0xffffffff;
  return {
    update(bytes) {
      let at = 0;
      let c = crc;
      for (const end = bytes.length - 7; at < end; at += 8) {
        c ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        c = t[1792 + (c & 255)]! ^ t[1536 + ((c >>> 8) & 255)]! ^
          t[1280 + ((c >>> 16) & 255)]! ^ t[1024 + (c >>> 24)]! ^
          t[768 + bytes[at + 4]!]! ^ t[512 + bytes[at + 5]!]! ^
          t[256 + bytes[at + 6]!]! ^ t[bytes[at + 7]!]!;
      }
      for (; at < bytes.length; at++) c = t[(c ^ bytes[at]!) & 255]! ^ (c >>> 8);
      crc = c;
    },
    value: () => BigInt((crc ^ 0xffffffff) >>> 0),
  };
}

let crc64Tables: { low: Uint32Array; high: Uint32Array } | undefined;

export function createCrc64Nvme(): Crc {
  const { low: tl, high: th } = crc64Tables ??= tables(CRC64NVME_POLYNOMIAL);
  let low = 0xffffffff;
  let high = 0xffffffff;
  return {
    update(bytes) {
      let at = 0;
      let l = low;
      let h = high;
      for (const end = bytes.length - 7; at < end; at += 8) {
        l ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
        h ^= bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) |
          (bytes[at + 7]! << 24);
        const a = 1792 + (l & 255), b = 1536 + ((l >>> 8) & 255);
        const c = 1280 + ((l >>> 16) & 255), d = 1024 + (l >>> 24);
        const e = 768 + (h & 255), f = 512 + ((h >>> 8) & 255);
        const g = 256 + ((h >>> 16) & 255), i = h >>> 24;
        l = tl[a]! ^ tl[b]! ^ tl[c]! ^ tl[d]! ^ tl[e]! ^ tl[f]! ^ tl[g]! ^ tl[i]!;
        h = th[a]! ^ th[b]! ^ th[c]! ^ th[d]! ^ th[e]! ^ th[f]! ^ th[g]! ^ th[i]!;
      }
      for (; at < bytes.length; at++) {
        const index = (l ^ bytes[at]!) & 255;
        l = tl[index]! ^ ((l >>> 8) | (h << 24));
        h = th[index]! ^ (h >>> 8);
      }
      low = l;
      high = h;
    },
    value: () => (BigInt(~high >>> 0) << 32n) | BigInt(~low >>> 0),
  };
}

/** The CRC of A followed by B, from the CRCs of both and the size of B in bytes. */
export function combineCrc(a: bigint, b: bigint, sizeB: number, polynomial: bigint): bigint {
  return multiply(powerOfX(8n * BigInt(sizeB), polynomial), a, polynomial) ^ b;
}

/** x to the power `exponent`, modulo the polynomial; the highest bit is x to the 0. */
function powerOfX(exponent: bigint, polynomial: bigint): bigint {
  const top = topBit(polynomial);
  let result = top;
  let square = top >> 1n;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = multiply(square, result, polynomial);
    square = multiply(square, square, polynomial);
  }
  return result;
}

function multiply(a: bigint, b: bigint, polynomial: bigint): bigint {
  let product = 0n;
  let term = b;
  for (let bit = topBit(polynomial); bit > 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= term;
    term = (term & 1n) === 1n ? (term >> 1n) ^ polynomial : term >> 1n;
  }
  return product;
}

function topBit(polynomial: bigint): bigint {
  return polynomial > MASK32 ? 1n << 63n : 1n << 31n;
}
