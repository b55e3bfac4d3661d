/**
 * Sixteen neighbouring blocks of one content on disk: the unit in which the disk cache remembers,
 * counts use and evicts. Any of the blocks may be there; each has a checksum per `CHECK_BYTES`, so
 * that a small read need not load a whole block to know that what it got is right.
 */
import { crc32 } from "node:zlib";
import { BLOCK_SIZE } from "../block.ts";

export const EXTENT_BLOCKS = 16;
export const EXTENT_BYTES = EXTENT_BLOCKS * BLOCK_SIZE;
/** Small enough that checking a 4 KiB read costs little (8 us), large enough for 0.01 % of overhead. */
export const CHECK_BYTES = 32 * 1024;
/** What file systems allocate at a time. */
const PAGE_BYTES = 4096;
const CHECKS_PER_BLOCK = BLOCK_SIZE / CHECK_BYTES;

export interface ExtentRow {
  readonly content: string;
  readonly number: number;
  /** Whose share it counts in. */
  readonly volume: number;
  /** The order of use: larger is later. */
  readonly used: number;
  /** A bit per block. */
  readonly present: number;
  /** On disk. */
  readonly bytes: number;
  /** CRC-32 per `CHECK_BYTES`; undefined behind what is present is any number. */
  readonly sums: Uint32Array;
}

export class Extent {
  readonly content: string;
  readonly number: number;
  volume: number;
  used: number;
  #present: number;
  #bytes: number;
  #sums: Uint32Array;

  constructor(row: ExtentRow) {
    this.content = row.content;
    this.number = row.number;
    this.volume = row.volume;
    this.used = row.used;
    this.#present = row.present;
    this.#bytes = row.bytes;
    this.#sums = row.sums;
  }

  /** An extent of which nothing is there. */
  static empty(content: string, number: number): Extent {
    const none = { volume: 0, used: 0, present: 0, bytes: 0, sums: new Uint32Array(0) };
    return new Extent({ content, number, ...none });
  }

  get isEmpty(): boolean {
    return this.#present === 0;
  }

  get present(): number {
    return this.#present;
  }

  /** What its blocks take on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get sums(): Uint32Array {
    return this.#sums;
  }

  /** Whether a block, by its index in the content, is there. */
  has(index: number): boolean {
    return (this.#present & bitOf(index)) !== 0;
  }

  /** Enters a block that was written. */
  add(index: number, size: number, sums: Uint32Array): void {
    const first = (index % EXTENT_BLOCKS) * CHECKS_PER_BLOCK;
    if (this.#sums.length < first + sums.length) {
      const grown = new Uint32Array(first + sums.length);
      grown.set(this.#sums);
      this.#sums = grown;
    }
    this.#sums.set(sums, first);
    if (!this.has(index)) this.#bytes += diskBytes(size);
    this.#present |= bitOf(index);
  }

  /** Forgets a block; returns the bytes it had on disk. */
  remove(index: number, size: number): number {
    if (!this.has(index)) return 0;
    this.#present &= ~bitOf(index);
    const bytes = diskBytes(size);
    this.#bytes -= bytes;
    return bytes;
  }

  /** Forgets all blocks. */
  clear(): void {
    this.#present = 0;
    this.#bytes = 0;
    this.#sums = new Uint32Array(0);
  }

  /** Whether `bytes`, read at `offset` of the content (a multiple of `CHECK_BYTES`), are what was written. */
  isRight(bytes: Uint8Array, offset: number): boolean {
    const first = offset / CHECK_BYTES - this.number * EXTENT_BLOCKS * CHECKS_PER_BLOCK;
    for (let at = 0; at < bytes.byteLength; at += CHECK_BYTES) {
      const part = bytes.subarray(at, Math.min(at + CHECK_BYTES, bytes.byteLength));
      if (crc32(part) !== this.#sums[first + at / CHECK_BYTES]) return false;
    }
    return true;
  }
}

/** The number of the extent that a block lies in. */
export function extentNumber(index: number): number {
  return Math.floor(index / EXTENT_BLOCKS);
}

/** The checksums of one block. */
export function checksums(block: Uint8Array): Uint32Array {
  const sums = new Uint32Array(Math.ceil(block.byteLength / CHECK_BYTES));
  for (let i = 0; i < sums.length; i++) {
    sums[i] = crc32(block.subarray(i * CHECK_BYTES, (i + 1) * CHECK_BYTES));
  }
  return sums;
}

/** What `size` bytes take on disk. */
export function diskBytes(size: number): number {
  return Math.ceil(size / PAGE_BYTES) * PAGE_BYTES;
}

function bitOf(index: number): number {
  return 1 << (index % EXTENT_BLOCKS);
}
