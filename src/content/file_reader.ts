/** Reads of one open file from its object, through the block cache and with readahead. */
import type { Clock } from "../base/clock.ts";
import { BLOCK_SIZE, type BlockCache } from "../cache/block_cache.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { Readahead } from "./readahead.ts";

/** At most so much is fetched ahead of one reader: eight GETs of 8 MiB side by side. */
const WINDOW_MAX = 64 * 2 ** 20;

export class FileReader {
  readonly #cache: BlockCache;
  readonly #readahead: Readahead;

  constructor(cache: BlockCache, clock: Clock) {
    this.#cache = cache;
    // A fourth of the budget at most, so that one reader leaves room for others.
    const windowMax = Math.min(WINDOW_MAX, cache.limitBytes / 4);
    this.#readahead = new Readahead(cache, clock, windowMax);
  }

  /**
   * The bytes of `source` from `offset`, at most `size`, fewer only at its end; views of cache memory,
   * valid in this turn of the event loop. Answers at once when all blocks are in memory.
   */
  read(
    source: ObjectSource,
    offset: number,
    size: number,
    signal: AbortSignal,
  ): Uint8Array[] | Promise<Uint8Array[]> {
    const end = Math.min(offset + size, source.size);
    if (offset >= end) return [];
    this.#readahead.onRead(source, offset, size);
    const present = this.#present(source, offset, end);
    this.#cache.countRead(source, end - offset, present !== undefined);
    return present ?? this.#fetch(source, offset, end, signal);
  }

  close(): void {
    this.#readahead.close();
  }

  #present(source: ObjectSource, offset: number, end: number): Uint8Array[] | undefined {
    const views: Uint8Array[] = [];
    for (let index = Math.floor(offset / BLOCK_SIZE); index * BLOCK_SIZE < end; index++) {
      const block = this.#cache.peek(source, index);
      if (block === undefined) return undefined;
      views.push(cut(block, index, offset, end));
    }
    return views;
  }

  async #fetch(
    source: ObjectSource,
    offset: number,
    end: number,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const first = Math.floor(offset / BLOCK_SIZE);
    const last = Math.ceil(end / BLOCK_SIZE);
    if (last - first === 1) {
      const block = await this.#cache.read(source, first, 1, signal);
      return [cut(block, first, offset, end)];
    }
    for (let index = first; index < last; index++) {
      await this.#cache.read(source, index, last - index, signal);
    }
    // Blocks are given for one turn only: gathered again now that all have arrived.
    return this.#present(source, offset, end) ??
      await this.#copy(source, offset, end, signal);
  }

  /** Block by block, because there is too little memory for all of them at once. */
  async #copy(
    source: ObjectSource,
    offset: number,
    end: number,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const copies: Uint8Array[] = [];
    for (let index = Math.floor(offset / BLOCK_SIZE); index * BLOCK_SIZE < end; index++) {
      const block = await this.#cache.read(source, index, 1, signal);
      copies.push(cut(block, index, offset, end).slice());
    }
    return copies;
  }
}

/** The part of block `index` that lies between `offset` and `end`. */
function cut(block: Uint8Array, index: number, offset: number, end: number): Uint8Array {
  const start = index * BLOCK_SIZE;
  return block.subarray(Math.max(0, offset - start), Math.min(block.byteLength, end - start));
}
