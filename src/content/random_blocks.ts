/**
 * Blocks fetched for reads at random. A few are kept in memory; of the others, those that are on disk
 * leave it when the next ones come, which take their buffers: memory never used before costs more time
 * than reading the block back would, and who reads a place again finds it in the kernel's cache.
 */
import { BLOCK_SIZE } from "../cache/block.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { ObjectSource } from "../cache/object_source.ts";

const KEPT_MAX = 64 * 2 ** 20 / BLOCK_SIZE;

interface Fetched {
  readonly source: ObjectSource;
  readonly index: number;
}

export class RandomBlocks {
  readonly #cache: BlockCache;
  /** The oldest first. */
  readonly #fetched = new Set<Fetched>();

  constructor(cache: BlockCache) {
    this.#cache = cache;
  }

  /** The blocks from `first` up to before `last` are about to be fetched. */
  fetching(source: ObjectSource, first: number, last: number): void {
    for (let index = first; index < last; index++) this.#fetched.add({ source, index });
    for (const oldest of this.#fetched) {
      if (this.#fetched.size <= KEPT_MAX) return;
      this.#fetched.delete(oldest);
      this.#cache.leaveToDisk(oldest.source, oldest.index, 1);
    }
  }
}
