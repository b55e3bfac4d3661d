/** How the blocks are used: by each store, and by all together. */
import type { ObjectStore } from "../s3/object_store.ts";

/** The cache as one store's objects use it, or all together. */
export interface BlockUsage {
  /** In memory now. */
  readonly usedBytes: number;
  /** Read so far. */
  readonly readBytes: number;
  /** Of the bytes read so far, the share that was here when asked for; null before any read. */
  readonly hitRate: number | null;
}

interface Counters {
  usedBytes: number;
  readBytes: number;
  hitBytes: number;
}

export class BlockCounters {
  readonly #counters = new Map<ObjectStore, Counters>();

  /** Of one store, or (without) of all together. */
  usage(store?: ObjectStore): BlockUsage {
    const total = { usedBytes: 0, readBytes: 0, hitBytes: 0 };
    for (const [owner, { usedBytes, readBytes, hitBytes }] of this.#counters) {
      if (store !== undefined && owner !== store) continue;
      total.usedBytes += usedBytes;
      total.readBytes += readBytes;
      total.hitBytes += hitBytes;
    }
    const { usedBytes, readBytes, hitBytes } = total;
    return { usedBytes, readBytes, hitRate: readBytes === 0 ? null : hitBytes / readBytes };
  }

  countRead(store: ObjectStore, bytes: number, hit: boolean): void {
    const counters = this.#of(store);
    counters.readBytes += bytes;
    if (hit) counters.hitBytes += bytes;
  }

  /** Memory that a store's blocks take (or, below zero, give back). */
  countUsed(store: ObjectStore, bytes: number): void {
    this.#of(store).usedBytes += bytes;
  }

  forget(store: ObjectStore): void {
    this.#counters.delete(store);
  }

  #of(store: ObjectStore): Counters {
    let counters = this.#counters.get(store);
    if (counters === undefined) {
      counters = { usedBytes: 0, readBytes: 0, hitBytes: 0 };
      this.#counters.set(store, counters);
    }
    return counters;
  }
}
