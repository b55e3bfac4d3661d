/** One block of an object in memory, or on its way there. */
import type { Reservation } from "../base/memory_budget.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import type { FetchRun } from "./fetch_run.ts";
import type { ObjectSource } from "./object_source.ts";

/** Small enough that a random 4 KiB read costs little, large enough for few of them in 1 GiB. */
export const BLOCK_SIZE = 256 * 1024;

export interface Block {
  readonly key: string;
  readonly store: ObjectStore;
  readonly index: number;
  readonly reservation: Reservation;
  /** Present: the bytes. Absent while on its way. */
  data: Uint8Array<ArrayBuffer> | undefined;
  readonly run: FetchRun;
  /** Settles when the block is present, or its run failed. Made only when somebody waits. */
  arrival: PromiseWithResolvers<Uint8Array> | undefined;
  /** Being written to disk. */
  saving: boolean;
  /** Wanted on disk only: it leaves memory once it is there. */
  passing: boolean;
}

/** The blocks of a run that begins, one for each reservation. */
export function blocksOf(
  source: ObjectSource,
  run: FetchRun,
  reservations: readonly Reservation[],
  passing: boolean,
): Block[] {
  return reservations.map((reservation, i) => ({
    key: blockKey(source, run.firstIndex + i),
    store: source.store,
    index: run.firstIndex + i,
    reservation,
    data: undefined,
    run,
    arrival: undefined,
    saving: false,
    passing,
  }));
}

/** What a block is called in the cache. */
export function blockKey(source: ObjectSource, index: number): string {
  return `${source.id}:${index}`;
}

/** How many blocks an object of `size` bytes has. */
export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}

/** The size of one block; `index` is that of one. */
export function blockBytes(source: ObjectSource, index: number): number {
  return Math.min(BLOCK_SIZE, source.size - index * BLOCK_SIZE);
}
