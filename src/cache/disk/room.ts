/**
 * The byte budget of the disk cache: one for all, and a share for each mount. Room is reserved before
 * a block is written, and what was used longest ago goes until there is enough.
 *
 * Invariant: what is on disk or reserved never exceeds the limit, nor that of a volume its share.
 */
import { diskSpace } from "../../ffi/disk_space.ts";
import { BLOCK_SIZE } from "../block.ts";
import { type Extent, EXTENT_BYTES } from "./extent.ts";
import type { DiskFiles } from "./files.ts";
import type { DiskIndex } from "./index.ts";

/** The disk is never filled beyond this: others need it more, the staging area of writes first of all. */
const FLOOR_BYTES_MAX = 2 ** 30;
const FLOOR_SHARE = 1 / 20;

export class DiskRoom {
  readonly #index: DiskIndex;
  readonly #files: DiskFiles;
  #limitBytes: number;
  readonly #floorBytes: number;
  readonly #shares = new Map<number, number>();
  /** On disk or reserved. */
  readonly #byVolume: Map<number, number>;
  #usedBytes: number;

  /** The file system that has `files` must be there. Throws `SystemError`. */
  constructor(index: DiskIndex, files: DiskFiles, limitBytes: number) {
    this.#index = index;
    this.#files = files;
    this.#limitBytes = limitBytes;
    const { totalBytes } = diskSpace(files.directory);
    this.#floorBytes = Math.min(FLOOR_BYTES_MAX, totalBytes * FLOOR_SHARE);
    this.#byVolume = index.bytesByVolume();
    this.#usedBytes = [...this.#byVolume.values()].reduce((sum, bytes) => sum + bytes, 0);
    // The limit may have been lowered since.
    this.#evictUntil(() => this.#usedBytes <= limitBytes);
  }

  /** All volumes together have at most so much from now on. */
  setLimit(bytes: number): void {
    this.#limitBytes = bytes;
    this.#evictUntil(() => this.#usedBytes <= bytes);
  }

  /** A volume has at most so much from now on. */
  setShare(volume: number, bytes: number): void {
    this.#shares.set(volume, bytes);
    this.#evictUntil(() => this.usedBytes(volume) <= bytes, volume);
  }

  /** Of one volume, or of all. */
  limitBytes(volume?: number): number {
    const share = volume === undefined ? Infinity : this.#shares.get(volume) ?? Infinity;
    return Math.min(this.#limitBytes, share);
  }

  /** Of one volume, or of all. */
  usedBytes(volume?: number): number {
    return volume === undefined ? this.#usedBytes : this.#byVolume.get(volume) ?? 0;
  }

  /** Reserves room, for which others may have to go; false when there is none to be had. */
  take(bytes: number, volume: number): boolean {
    const shareBytes = this.limitBytes(volume);
    if (bytes > shareBytes) return false;
    const fits = this.#evictUntil(() => this.usedBytes(volume) + bytes <= shareBytes, volume) &&
      this.#evictUntil(() => this.#usedBytes + bytes <= this.#limitBytes);
    if (!fits) return false;
    const missing = this.#floorBytes + bytes - diskSpace(this.#files.directory).freeBytes;
    if (missing > 0 && this.shrink(missing) < missing) return false;
    this.#count(volume, bytes);
    return true;
  }

  /** Room that was reserved and not used, or is used no more. */
  give(bytes: number, volume: number): void {
    this.#count(volume, -bytes);
  }

  /** Evicts about so many bytes, or all; returns how many. */
  shrink(bytes: number): number {
    const before = this.#usedBytes;
    this.#evictUntil(() => before - this.#usedBytes >= bytes);
    return before - this.#usedBytes;
  }

  /** Evicts the extent used longest ago, of one volume or of all; false when there is none. */
  evictOldest(volume?: number): boolean {
    const extent = this.#index.oldest(volume);
    if (extent === undefined) return false;
    this.#evict(extent);
    return true;
  }

  #evict(extent: Extent): void {
    this.#forget(extent);
    this.#free(extent.content, extent.number * EXTENT_BYTES, EXTENT_BYTES);
  }

  /** Drops one block of `size` bytes, if it is there. */
  evictBlock(extent: Extent, index: number, size: number): void {
    if (!extent.has(index)) return;
    this.give(extent.remove(index, size), extent.volume);
    this.#index.changed(extent);
    this.#free(extent.content, index * BLOCK_SIZE, size);
  }

  /** Forgets a content whose file is gone. */
  forgetContent(content: string): void {
    for (const extent of this.#index.extentsOf(content)) this.#forget(extent);
  }

  #forget(extent: Extent): void {
    this.give(extent.bytes, extent.volume);
    extent.clear();
    this.#index.changed(extent);
  }

  #free(content: string, start: number, length: number): void {
    // Where no holes can be made in files, the whole file is gone.
    if (!this.#files.free(content, start, length)) this.forgetContent(content);
  }

  #evictUntil(enough: () => boolean, volume?: number): boolean {
    while (!enough()) if (!this.evictOldest(volume)) return false;
    return true;
  }

  #count(volume: number, bytes: number): void {
    this.#usedBytes += bytes;
    this.#byVolume.set(volume, this.usedBytes(volume) + bytes);
  }
}
