/** A series of reads that follow each other in some order, as `Readahead` keeps several of. */
import type { BlockCache } from "../cache/block_cache.ts";
import type { Prefetch } from "../cache/fetch_run.ts";
import type { ObjectSource } from "../cache/object_source.ts";

export interface ReadStream {
  /** True when a read of these bytes goes on with the series. */
  continues(offset: number, end: number): boolean;
  /** Notes a read that goes on with it, and starts the fetches that it suggests. */
  advance(source: ObjectSource, offset: number, end: number): void;
  /** Cancels what is under way. The series may go on all the same. */
  cancel(): void;
}

/** What was asked for ahead of one reader. */
export class Prefetches {
  readonly #cache: BlockCache;
  #underWay: Prefetch[] = [];

  constructor(cache: BlockCache) {
    this.#cache = cache;
  }

  /** Starts GETs for what is absent of these blocks; false when memory is short. */
  start(source: ObjectSource, first: number, count: number): boolean {
    this.#underWay = this.#underWay.filter((prefetch) => {
      if (prefetch.done) prefetch.release();
      return !prefetch.done;
    });
    const end = first + count;
    for (let index = first; index < end;) {
      const prefetch = this.#cache.prefetch(source, index, end - index);
      if (prefetch === undefined) return this.#areKnown(source, index, end);
      this.#underWay.push(prefetch);
      index = prefetch.firstIndex + prefetch.count;
    }
    return true;
  }

  cancel(): void {
    for (const prefetch of this.#underWay) prefetch.release();
    this.#underWay = [];
  }

  #areKnown(source: ObjectSource, first: number, end: number): boolean {
    for (let index = first; index < end; index++) {
      if (!this.#cache.has(source, index)) return false;
    }
    return true;
  }
}
