/**
 * What to fetch before it is asked for, for one open file.
 *
 * A read that continues where the last ones ended is sequential. While reads are sequential, blocks
 * are fetched up to a window ahead of the reader; the window is twice what was read in sequence so
 * far, from `WINDOW_MIN` up to the maximum given, so that little is wasted on someone who reads only
 * the head of a file, and a long read soon has as much under way as the connections carry; but never
 * more than the reader takes in `WINDOW_MS` at its present pace, be it set by a slow network or by the
 * reader itself. The window is fetched by GETs of up to `FETCH_MAX` each, side by side. A read elsewhere cancels what is under
 * way and closes the window; the file then counts as randomly read until reads follow one another.
 */
import type { Clock } from "../base/clock.ts";
import { BLOCK_SIZE, type BlockCache, blockCount, type Prefetch } from "../cache/block_cache.ts";
import type { ObjectSource } from "../cache/object_source.ts";

const MIB = 2 ** 20;
const WINDOW_MIN = MIB;
/** Parts of 8 MiB had the best rate of all sizes tried against a near server. */
const FETCH_MAX = 8 * MIB;
/** A read waits for less than this when what is ahead of it on the same connections has to come first. */
const WINDOW_MS = 4000;
/** After a pause of this length the pace is measured anew. */
const PAUSE_MS = 1000;
/** The kernel sends its own readahead in parallel, so reads arrive a little out of order. */
const REORDER_MAX = 2 * MIB;

export class Readahead {
  readonly #cache: BlockCache;
  readonly #clock: Clock;
  readonly #windowMax: number;
  /** The content that the fields below are about. */
  #sourceId: number | undefined;
  /** Where the next sequential read begins. */
  #next = 0;
  /** Bytes read in sequence up to `#next`. */
  #run = 0;
  /** Blocks before this index were asked for already. */
  #fetchedTo = 0;
  #underWay: Prefetch[] = [];
  /** The pace is that of the bytes read since `#paceFromMs`, when `#run` was `#paceFromRun`. */
  #paceFromMs = 0;
  #paceFromRun = 0;
  #lastReadMs = 0;

  constructor(cache: BlockCache, clock: Clock, windowMax: number) {
    this.#cache = cache;
    this.#clock = clock;
    this.#windowMax = windowMax;
  }

  /** Notes a read and starts the fetches that it suggests. To be called before the blocks are read. */
  onRead(source: ObjectSource, offset: number, size: number): void {
    if (source.id !== this.#sourceId) this.#reset(source.id);
    const end = Math.min(offset + size, source.size);
    const near = offset <= this.#next + REORDER_MAX && offset + REORDER_MAX >= this.#next;
    // The very first read at the start of a file is taken for the beginning of a sequence.
    if (near && (this.#run > 0 || offset === this.#next)) {
      this.#keepPace();
      this.#run += Math.max(0, end - this.#next);
      this.#next = Math.max(this.#next, end);
      this.#extend(source, offset);
    } else {
      this.#cancel();
      this.#run = 0;
      this.#next = end;
      this.#fetchedTo = 0;
    }
  }

  /** Cancels what is under way. */
  close(): void {
    this.#cancel();
  }

  #extend(source: ObjectSource, offset: number): void {
    this.#underWay = this.#underWay.filter((prefetch) => {
      if (prefetch.done) prefetch.release();
      return !prefetch.done;
    });
    const window = Math.max(
      WINDOW_MIN,
      Math.min(2 * this.#run, this.#bytesWithin(WINDOW_MS), this.#windowMax),
    );
    const last = Math.min(
      Math.ceil((this.#next + window) / BLOCK_SIZE),
      blockCount(source.size),
    );
    // What the reader has passed need not be fetched any more, whoever skipped it.
    let index = Math.max(this.#fetchedTo, Math.floor(offset / BLOCK_SIZE));
    // Wait until a good part is missing: many small GETs would cost more than they bring.
    const fetchBlocks = Math.max(1, Math.min(FETCH_MAX, window / 4) / BLOCK_SIZE);
    while (last - index >= fetchBlocks || (index < last && last === blockCount(source.size))) {
      const count = Math.min(FETCH_MAX / BLOCK_SIZE, last - index);
      const prefetch = this.#cache.prefetch(source, index, count);
      if (prefetch === undefined) {
        // All there already, or memory is short: then the reads themselves fetch.
        if (!this.#cache.has(source, index)) return;
        index += count;
      } else {
        this.#underWay.push(prefetch);
        index = prefetch.firstIndex + prefetch.count;
      }
      this.#fetchedTo = index;
    }
  }

  /** Begins to measure the pace at the first read of a sequence and after a pause. */
  #keepPace(): void {
    const now = this.#clock.monotonicMs();
    if (this.#run === 0 || now - this.#lastReadMs > PAUSE_MS) {
      this.#paceFromMs = now;
      this.#paceFromRun = this.#run;
    }
    this.#lastReadMs = now;
  }

  /** How much the reader takes in `ms` at its pace. */
  #bytesWithin(ms: number): number {
    const elapsedMs = this.#lastReadMs - this.#paceFromMs;
    return elapsedMs <= 0 ? Infinity : (this.#run - this.#paceFromRun) / elapsedMs * ms;
  }

  #cancel(): void {
    for (const prefetch of this.#underWay) prefetch.release();
    this.#underWay = [];
  }

  #reset(sourceId: number): void {
    this.#cancel();
    this.#sourceId = sourceId;
    this.#run = 0;
    this.#next = 0;
    this.#fetchedTo = 0;
  }
}
