/**
 * Reads that miss at the same time: the kernel hands over what several threads want, and the pieces of
 * one large read, in one turn. What touches is fetched by one GET.
 */
import { BLOCK_SIZE } from "../cache/block.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { ObjectSource } from "../cache/object_source.ts";

const BLOCKS_MAX = 8 * 2 ** 20 / BLOCK_SIZE;

export class GatheredMisses {
  readonly #cache: BlockCache;
  /** The blocks wanted in this turn, by source id. */
  readonly #wanted = new Map<number, Set<number>>();

  constructor(cache: BlockCache) {
    this.#cache = cache;
  }

  /**
   * To be awaited before the blocks from `first` up to before `last` are read: starts a GET for them
   * when others want blocks beside them.
   */
  async gather(source: ObjectSource, first: number, last: number): Promise<void> {
    const known = this.#wanted.get(source.id);
    const wanted = known ?? new Set<number>();
    if (known === undefined) this.#wanted.set(source.id, wanted);
    for (let index = first; index < last; index++) wanted.add(index);
    // The rest of the turn's reads arrive before this goes on.
    await undefined;
    if (this.#wanted.get(source.id) === wanted) this.#wanted.delete(source.id);
    let from = first;
    while (wanted.has(from - 1) && last - from < BLOCKS_MAX) from--;
    let to = last;
    while (wanted.has(to) && to - from < BLOCKS_MAX) to++;
    if (to - from > last - first) this.#cache.prefetch(source, from, to - from);
  }
}
