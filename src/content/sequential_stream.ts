/**
 * Reads one after the other, forwards or backwards.
 *
 * Blocks are fetched up to a window ahead of the reader. The window is some times what was read in
 * sequence so far, so that little is wasted on someone who reads only the head of a file, and a long
 * read soon has as much under way as the connections carry; but never more than the reader takes in
 * `WINDOW_MS` at its present pace, be it set by a slow network or by the reader itself, and never more
 * than its share of the memory. It is fetched by GETs of up to `FETCH_MAX` each, side by side, and no
 * more is asked for while `READY_MAX` have come that the reader has not got to: near, that is enough.
 *
 * What lies far behind the reader leaves memory, if it is on disk: so a long file does not push out what
 * others read, and the memory that it is read through is the same few buffers again and again. Memory
 * that was not used yet costs as much time as receiving what is put there.
 *
 * Backwards, everything is the same seen in a mirror: positions count from the end of the file, blocks
 * from the last one.
 */
import type { Clock } from "../base/clock.ts";
import { BLOCK_SIZE, blockCount } from "../cache/block.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { Prefetches, type ReadStream } from "./read_stream.ts";
import type { WindowShares } from "./window_shares.ts";

const MIB = 2 ** 20;
const WINDOW_MIN = MIB;
/** The window to what was read: at 2, a far reader takes seven round trips until all connections work. */
const GROWTH = 4;
/** Parts of 8 MiB had the best rate of all sizes tried against a near server. */
const FETCH_MAX = 8 * MIB;
/** A read waits for less than this when what is ahead of it on the same connections has to come first. */
const WINDOW_MS = 4000;
/** Covers the time that a GET takes from far away, at some hundred MB/s. */
const READY_MAX = 64 * MIB;
/** A program may come back to what it has just read. */
const KEPT_BEHIND = 64 * MIB;
/** After a pause of this length the pace is measured anew. */
const PAUSE_MS = 1000;
/** The kernel sends its own readahead in parallel, so reads arrive a little out of order. */
const REORDER_MAX = 2 * MIB;

export interface StreamContext {
  readonly cache: BlockCache;
  readonly clock: Clock;
  readonly shares: WindowShares;
}

export class SequentialStream implements ReadStream {
  readonly #context: StreamContext;
  readonly #isForward: boolean;
  readonly #prefetches: Prefetches;
  /** Where the next read begins (backwards: ends). */
  #next: number;
  /** Bytes read in sequence up to there. */
  #run: number;
  /** So many blocks in the direction of reading were asked for already, or passed. */
  #fetchedTo = 0;
  /** So many were left to the disk, or are none of this reader's. */
  #leftTo: number | undefined;
  /** The pace is that of the bytes read since `#paceFromMs`, when `#run` was `#paceFromRun`. */
  #paceFromMs: number;
  #paceFromRun: number;
  #lastReadMs: number;

  /** `next` is where the reads so far have led, `run` how many bytes they had. */
  constructor(
    context: StreamContext,
    direction: "forward" | "backward",
    next: number,
    run: number,
  ) {
    this.#context = context;
    this.#isForward = direction === "forward";
    this.#prefetches = new Prefetches(context.cache);
    this.#next = next;
    this.#run = run;
    this.#paceFromRun = run;
    this.#paceFromMs = this.#lastReadMs = context.clock.monotonicMs();
  }

  continues(offset: number, end: number): boolean {
    const from = this.#isForward ? offset : end;
    return Math.abs(from - this.#next) <= REORDER_MAX;
  }

  advance(source: ObjectSource, offset: number, end: number): void {
    this.#keepPace();
    const to = this.#isForward ? Math.max(this.#next, end) : Math.min(this.#next, offset);
    this.#run += Math.abs(to - this.#next);
    this.#next = to;
    this.#extend(source, this.#isForward ? offset : end);
  }

  cancel(): void {
    this.#prefetches.cancel();
    this.#context.shares.leave(this);
    this.#fetchedTo = 0;
  }

  /** `from` is where the read at hand begins (backwards: ends). */
  #extend(source: ObjectSource, from: number): void {
    const count = blockCount(source.size);
    const share = this.#context.shares.windowFor(this);
    const window = Math.max(
      WINDOW_MIN,
      Math.min(GROWTH * this.#run, this.#bytesWithin(WINDOW_MS), share),
    );
    const last = this.#isForward
      ? Math.min(count, Math.ceil((this.#next + window) / BLOCK_SIZE))
      : count - Math.floor(Math.max(0, this.#next - window) / BLOCK_SIZE);
    // What the reader has passed need not be fetched any more, whoever skipped it.
    const passed = this.#isForward
      ? Math.floor(from / BLOCK_SIZE)
      : count - Math.ceil(from / BLOCK_SIZE);
    this.#leftTo ??= passed;
    let index = Math.max(this.#fetchedTo, passed);
    // Wait until a good part is missing: many small GETs would cost more than they bring.
    const fetchBlocks = Math.max(1, Math.min(FETCH_MAX, window / 2) / BLOCK_SIZE);
    while (last - index >= fetchBlocks || (index < last && last === count)) {
      if (this.#isReady(source, passed, count)) return;
      // Now, as their buffers are taken for the next ones at once.
      this.#leaveBehind(source, passed, count);
      const wanted = Math.min(FETCH_MAX / BLOCK_SIZE, last - index);
      const first = this.#isForward ? index : count - index - wanted;
      // Where memory is short, the reads themselves fetch.
      if (!this.#prefetches.start(source, first, wanted)) return;
      index += wanted;
      this.#fetchedTo = index;
    }
  }

  #leaveBehind(source: ObjectSource, passed: number, count: number): void {
    const from = this.#leftTo ?? passed;
    const to = passed - KEPT_BEHIND / BLOCK_SIZE;
    if (to <= from) return;
    this.#context.cache.leaveToDisk(source, this.#isForward ? from : count - to, to - from);
    this.#leftTo = to;
  }

  /** True when enough has come of what follows `passed`. */
  #isReady(source: ObjectSource, passed: number, count: number): boolean {
    const end = passed + READY_MAX / BLOCK_SIZE;
    for (let index = passed; index < end; index++) {
      const block = this.#isForward ? index : count - 1 - index;
      if (!this.#context.cache.isPresent(source, block)) return false;
    }
    return true;
  }

  /** Begins to measure the pace anew after a pause. */
  #keepPace(): void {
    const now = this.#context.clock.monotonicMs();
    if (now - this.#lastReadMs > PAUSE_MS) {
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
}
