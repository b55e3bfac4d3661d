/** Reads of one open file from its object, through the block cache and with readahead. */
import type { Clock } from "../base/clock.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { BLOCK_SIZE } from "../cache/block.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import type { BackgroundFill } from "./background_fill.ts";
import type { GatheredMisses } from "./gathered_misses.ts";
import type { RandomBlocks } from "./random_blocks.ts";
import { Readahead } from "./readahead.ts";
import type { WindowShares } from "./window_shares.ts";

/** What all readers share. */
export interface ReaderContext {
  readonly cache: BlockCache;
  readonly clock: Clock;
  readonly shares: WindowShares;
  readonly misses: GatheredMisses;
  readonly random: RandomBlocks;
  readonly fill: BackgroundFill;
}

export class FileReader {
  readonly #context: ReaderContext;
  readonly #cache: BlockCache;
  readonly #readahead: Readahead;
  #readTo = 0;

  constructor(context: ReaderContext) {
    this.#context = context;
    this.#cache = context.cache;
    this.#readahead = new Readahead(context);
  }

  /** Up to where something was read. */
  get readTo(): number {
    return this.#readTo;
  }

  /**
   * The bytes of `source` from `offset`, at most `size`, fewer only at its end; views of cache memory,
   * valid in this turn of the event loop. Answers at once when all is in memory, be it the kernel's cache
   * of what is on disk.
   */
  read(
    source: ObjectSource,
    offset: number,
    size: number,
    signal: AbortSignal,
  ): Uint8Array[] | Promise<Uint8Array[]> {
    const end = Math.min(offset + size, source.size);
    if (offset >= end) return [];
    this.#readTo = Math.max(this.#readTo, end);
    const kind = this.#readahead.onRead(source, offset, size);
    const present = this.#present(source, offset, end);
    const isRemote = present === undefined && this.#isRemote(source, offset, end);
    this.#cache.countRead(source, end - offset, !isRemote);
    if (present !== undefined) return present;
    if (!isRemote) return this.#fetchFromDisk(source, offset, end, signal);
    return kind === "random"
      ? this.#fetchAtRandom(source, offset, end, signal)
      : this.#fetch(source, offset, end, signal);
  }

  close(): void {
    this.#readahead.close();
  }

  #present(source: ObjectSource, offset: number, end: number): Uint8Array[] | undefined {
    const views: Uint8Array[] = [];
    for (let index = Math.floor(offset / BLOCK_SIZE); index * BLOCK_SIZE < end; index++) {
      const block = this.#cache.peek(source, index);
      const view = block === undefined
        ? this.#onDisk(source, index, offset, end)
        : cut(block, index, offset, end);
      if (view === undefined) return undefined;
      views.push(view);
    }
    return views;
  }

  #onDisk(
    source: ObjectSource,
    index: number,
    offset: number,
    end: number,
  ): Uint8Array | undefined {
    const start = index * BLOCK_SIZE;
    return this.#cache.readFromDisk(
      source,
      Math.max(offset, start),
      Math.min(end, start + BLOCK_SIZE),
    );
  }

  /** Whether any of it has to come, or is coming, from S3. */
  #isRemote(source: ObjectSource, offset: number, end: number): boolean {
    for (let index = Math.floor(offset / BLOCK_SIZE); index * BLOCK_SIZE < end; index++) {
      if (this.#cache.hasOnDisk(source, index)) continue;
      if (this.#cache.peek(source, index) === undefined) return true;
    }
    return false;
  }

  /** What is on disk comes by way of the kernel's cache, and takes no memory here. */
  async #fetchFromDisk(
    source: ObjectSource,
    offset: number,
    end: number,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    await untilAborted(this.#cache.warm(source, offset, end), signal);
    return this.#present(source, offset, end) ?? await this.#fetch(source, offset, end, signal);
  }

  /** The same as `#fetch`; if it takes a GET, that counts for fetching the whole file. */
  async #fetchAtRandom(
    source: ObjectSource,
    offset: number,
    end: number,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const { clock, misses, random, fill } = this.#context;
    const first = Math.floor(offset / BLOCK_SIZE);
    if (!this.#cache.isAbsent(source, first)) return await this.#fetch(source, offset, end, signal);
    const startMs = clock.monotonicMs();
    const last = Math.ceil(end / BLOCK_SIZE);
    await misses.gather(source, first, last);
    random.fetching(source, first, last);
    const views = await this.#fetch(source, offset, end, signal);
    fill.missed(source, first, clock.monotonicMs() - startMs);
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
