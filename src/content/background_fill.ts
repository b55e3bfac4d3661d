/**
 * Files that are read at random are fetched whole in the background, where they fit: each read that
 * waits for a GET of its own loses a round trip, and after enough of them fetching everything would
 * have been cheaper.
 *
 * It is begun where the reads get little by themselves (one at a time, from far away; the quickest of
 * them tells how far, as the others may have waited for a busy processor), when they have lost a part of the time that it may take: an eighth at 30 ms for each block. It pays as it goes: what
 * is fetched never exceeds twice what could have come in the time that the reads have lost, nor 32 MiB
 * for each of them. So someone who reads a few places causes nothing, and it stops
 * when the reads stop. The line is there for the reads first: when they have to wait clearly longer
 * than before it began, less is under way at a time.
 */
import type { Clock } from "../base/clock.ts";
import { BLOCK_SIZE, blockCount } from "../cache/block.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { Prefetch } from "../cache/fetch_run.ts";
import type { ObjectSource } from "../cache/object_source.ts";

const MIB = 2 ** 20;
/** What is taken for possible: 512 MiB/s, which is what one thread can take in. */
const BYTES_PER_MS = MIB / 2;
/** What is paid for: twice what could have come in the time that was lost, and no more for each read. */
const PAID_BYTES_PER_MS = 2 * BYTES_PER_MS;
const PAID_BYTES_PER_MISS = 32 * MIB;
const MISSES_MIN = 8;
/** It must bring blocks so many times faster than the reads do, or it slows them for too little. */
const GAIN_MIN = 16;
/** Misses further apart are not of one run of reads. */
const PAUSE_MS = 10_000;
const GET_MIN = MIB;
/** Reads of blocks that are under way wait for them: with larger ones, too long. */
const GET_MAX = 4 * MIB;
const UNDER_WAY_MAX = 128 * MIB;
/** How many times as long as before it began a read may wait, for more to be fetched at a time, or less. */
const HARMLESS = 2;
const HARMFUL = 3;
/** It ends when more blocks than this were fetched in vain: something else needs the room. */
const LOSSES_MAX = 8;
/** Files watched at a time. */
const FILES_MAX = 64;

interface Fill {
  nextBlock: number;
  fetchedBytes: number;
  /** So many bytes may be under way. */
  limitBytes: number;
  gets: Prefetch[];
  /** Blocks that were fetched and yet missed. */
  losses: number;
}

/** One file that is read at random. */
interface Watched {
  misses: number;
  /** When the last of them was over (monotonic). */
  lastMissMs: number;
  /** What the quickest of them has waited. */
  leastMs: number;
  /** What reads waited on average before it was begun. */
  missMs: number;
  /** How long one or several reads at a time have waited. */
  lostMs: number;
  /** Undefined before it is begun. */
  fill: Fill | undefined;
}

/** Where the blocks go. */
export type FillTarget = Pick<
  BlockCache,
  "limitBytes" | "diskRoomFor" | "isAbsent" | "prefetch" | "fill"
>;

export class BackgroundFill {
  readonly #cache: FillTarget;
  readonly #clock: Clock;
  /** By source id, the one that missed last at the end. */
  readonly #files = new Map<number, Watched>();

  constructor(cache: FillTarget, clock: Clock) {
    this.#cache = cache;
    this.#clock = clock;
  }

  /** A read at random had to wait `waitedMs` for a GET of the block `index`. */
  missed(source: ObjectSource, index: number, waitedMs: number): void {
    const now = this.#clock.monotonicMs();
    const file = this.#watched(source, now);
    const { fill } = file;
    file.misses++;
    if (fill === undefined) file.missMs += (waitedMs - file.missMs) / file.misses;
    file.leastMs = Math.min(file.leastMs, waitedMs);
    // As long as without the fill, and only once for those who wait at the same time.
    file.lostMs += Math.min(waitedMs, now - file.lastMissMs, file.missMs);
    file.lastMissMs = now;
    if (fill !== undefined) {
      if (index < fill.nextBlock && ++fill.losses > LOSSES_MAX) return;
      this.#adapt(fill, waitedMs / file.missMs);
      const paidBytes = Math.min(
        file.lostMs * PAID_BYTES_PER_MS,
        file.misses * PAID_BYTES_PER_MISS,
      );
      this.#continue(source, fill, paidBytes);
    } else if (this.#isWorthIt(source, file)) {
      file.fill = { nextBlock: 0, fetchedBytes: 0, limitBytes: GET_MIN, gets: [], losses: 0 };
    }
  }

  #watched(source: ObjectSource, now: number): Watched {
    let file = this.#files.get(source.id);
    this.#files.delete(source.id);
    if (file === undefined || now - file.lastMissMs > PAUSE_MS) {
      file = {
        misses: 0,
        lastMissMs: -Infinity,
        leastMs: Infinity,
        missMs: 0,
        lostMs: 0,
        fill: undefined,
      };
    }
    this.#files.set(source.id, file);
    for (const id of this.#files.keys()) {
      if (this.#files.size <= FILES_MAX) break;
      this.#files.delete(id);
    }
    return file;
  }

  #isWorthIt(source: ObjectSource, { misses, leastMs, lostMs }: Watched): boolean {
    if (misses < MISSES_MIN || !this.#fits(source)) return false;
    const gain = Math.min(lostMs / misses, leastMs) * BYTES_PER_MS / BLOCK_SIZE;
    return gain >= GAIN_MIN && lostMs * BYTES_PER_MS >= source.size * GAIN_MIN / (2 * gain);
  }

  #fits(source: ObjectSource): boolean {
    return this.#fitsOnDisk(source) || source.size <= this.#cache.limitBytes / 2;
  }

  #fitsOnDisk(source: ObjectSource): boolean {
    return source.size <= this.#cache.diskRoomFor(source) / 2;
  }

  #get(source: ObjectSource, index: number, count: number): Prefetch | undefined {
    return this.#fitsOnDisk(source)
      ? this.#cache.fill(source, index, count)
      : this.#cache.prefetch(source, index, count);
  }

  /** Lets the fill have more of the line, or less: as its traffic makes the reads wait. */
  #adapt(fill: Fill, slowdown: number): void {
    if (slowdown <= HARMLESS) fill.limitBytes = Math.min(2 * fill.limitBytes, UNDER_WAY_MAX);
    if (slowdown > HARMFUL) fill.limitBytes = Math.max(fill.limitBytes / 2, GET_MIN);
  }

  /** Starts as many GETs as may be under way and are paid for. */
  #continue(source: ObjectSource, fill: Fill, paidBytes: number): void {
    fill.gets = fill.gets.filter((get) => !get.done);
    let underWay = fill.gets.reduce((sum, { count }) => sum + count * BLOCK_SIZE, 0);
    const bytes = Math.min(GET_MAX, Math.max(GET_MIN, fill.limitBytes / 4));
    while (underWay + bytes <= fill.limitBytes && fill.fetchedBytes + bytes <= paidBytes) {
      const left = blockCount(source.size) - fill.nextBlock;
      const count = Math.min(left, Math.floor(bytes / BLOCK_SIZE));
      if (count <= 0) return;
      const get = this.#get(source, fill.nextBlock, count);
      if (get === undefined) {
        // Memory is short: later.
        if (this.#isAnyAbsent(source, fill.nextBlock, count)) return;
        fill.nextBlock += count;
        continue;
      }
      fill.nextBlock = get.firstIndex + get.count;
      fill.fetchedBytes += get.count * BLOCK_SIZE;
      underWay += get.count * BLOCK_SIZE;
      fill.gets.push(get);
    }
  }

  #isAnyAbsent(source: ObjectSource, first: number, count: number): boolean {
    for (let index = first; index < first + count; index++) {
      if (this.#cache.isAbsent(source, index)) return true;
    }
    return false;
  }
}
