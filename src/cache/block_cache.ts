/**
 * The blocks of objects in memory, for all mounts together.
 *
 * An object is cut into blocks of `BLOCK_SIZE` bytes (the last one shorter). A block is absent, on its
 * way, or present. One GET brings a run of neighbouring absent blocks (`fetch`); whoever else wants
 * one of them waits for the same GET. Each block has its own buffer, which the response body fills
 * directly, and its own reservation in the memory budget, made before the GET is sent; the budget
 * takes the least recently used present blocks back when memory is short. The buffers of dropped
 * blocks are used again: garbage of this size would pile up faster than it is collected. Not before
 * the next turn of the event loop, though, until when whoever was given the bytes has used them.
 *
 * Invariants: a block is in `#blocks` exactly while it is present or on its way; only present blocks
 * are in `#lru`; the bytes of every block in `#blocks` are reserved.
 */
import { nextTurn } from "../base/clock.ts";
import type { MemoryBudget, Reservation } from "../base/memory_budget.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { TransportError } from "../s3/errors.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import { type ObjectSource, openSource } from "./object_source.ts";

/** Small enough that a random 4 KiB read costs little, large enough for few of them in 1 GiB. */
export const BLOCK_SIZE = 256 * 1024;

interface Block {
  readonly key: string;
  readonly store: ObjectStore;
  readonly index: number;
  readonly reservation: Reservation;
  /** Present: the bytes. Absent while on its way. */
  data: Uint8Array<ArrayBuffer> | undefined;
  readonly run: FetchRun;
  /** Settles when the block is present, or its GET failed. Made only when somebody waits. */
  arrival: PromiseWithResolvers<Uint8Array> | undefined;
}

/** One GET of neighbouring blocks. It is aborted when nobody is interested in it any more. */
class FetchRun {
  readonly abort = new AbortController();
  #interest = 0;
  done = false;

  hold(): void {
    this.#interest++;
  }

  /** A waiter that got its block leaves the rest of the run alone; one that gave up may end it. */
  drop(outcome: "served" | "gave up"): void {
    this.#interest--;
    if (outcome === "gave up" && this.#interest === 0 && !this.done) {
      this.abort.abort(new DOMException("Nobody waits for these blocks", "AbortError"));
    }
  }
}

/** The cache as one store's objects use it, or all together. */
export interface BlockUsage {
  /** In memory now. */
  readonly usedBytes: number;
  /** Of the bytes read so far, the share that was in memory when asked for; null before any read. */
  readonly hitRate: number | null;
}

interface Counters {
  usedBytes: number;
  readBytes: number;
  hitBytes: number;
}

/** Interest in blocks that were asked for ahead of need; `release()` cancels what is still under way. */
export interface Prefetch {
  readonly firstIndex: number;
  readonly count: number;
  readonly done: boolean;
  release(): void;
}

export class BlockCache {
  readonly #budget: MemoryBudget;
  /** Buffers to be used again: never more than blocks whose memory is reserved but not yet made. */
  readonly #spare: ArrayBuffer[] = [];
  #unfilled = 0;
  /** Dropped in this turn of the event loop. */
  #dropped: ArrayBuffer[] = [];
  readonly #blocks = new Map<string, Block>();
  readonly #lru = new Set<Block>();
  readonly #counters = new Map<ObjectStore, Counters>();

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
    budget.addReclaimer((bytes) => this.#evict(bytes));
  }

  /** How the cache is used, by one store or (without) by all together. */
  usage(store?: ObjectStore): BlockUsage {
    const total = { usedBytes: 0, readBytes: 0, hitBytes: 0 };
    for (const [owner, { usedBytes, readBytes, hitBytes }] of this.#counters) {
      if (store !== undefined && owner !== store) continue;
      total.usedBytes += usedBytes;
      total.readBytes += readBytes;
      total.hitBytes += hitBytes;
    }
    const { usedBytes, readBytes, hitBytes } = total;
    return { usedBytes, hitRate: readBytes === 0 ? null : hitBytes / readBytes };
  }

  /** Counts a read of `bytes`, for `usage`. */
  countRead({ store }: ObjectSource, bytes: number, hit: boolean): void {
    const counters = this.#countersOf(store);
    counters.readBytes += bytes;
    if (hit) counters.hitBytes += bytes;
  }

  /** Forgets the counts of a store that is used no more, once its blocks are dropped. */
  forgetStore(store: ObjectStore): void {
    for (const block of this.#lru) if (block.store === store) this.#remove(block);
    this.#counters.delete(store);
  }

  /** The whole budget that these blocks live in, in bytes. */
  get limitBytes(): number {
    return this.#budget.limitBytes;
  }

  /** The block's bytes if they are here now; only to be read, and only in this turn of the event loop. */
  peek(source: ObjectSource, index: number): Uint8Array | undefined {
    const block = this.#blocks.get(keyOf(source, index));
    if (block?.data === undefined) return undefined;
    this.#touch(block);
    return block.data;
  }

  /** True when the block is present or on its way. */
  has(source: ObjectSource, index: number): boolean {
    return this.#blocks.has(keyOf(source, index));
  }

  /**
   * The block's bytes, fetched if need be together with the absent ones of the `count` blocks from
   * `index` on; only to be read, and only in this turn of the event loop. Throws what the store throws (`PreconditionFailedError`: the object has changed).
   */
  async read(
    source: ObjectSource,
    index: number,
    count: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    for (;;) {
      signal.throwIfAborted();
      const block = this.#blocks.get(keyOf(source, index));
      if (block === undefined) {
        const first = await this.#budget.reserve(blockBytes(source, index), signal);
        // Someone else may have asked for the block while this one waited for memory.
        if (this.#blocks.has(keyOf(source, index))) first.release();
        else this.#startRun(source, index, this.#absentRun(source, index, count), first);
        continue;
      }
      // Handed over on arrival: where memory is very short, the block may be gone again by now.
      if (block.data === undefined) {
        const data = await this.#awaitArrival(block, signal);
        if (data !== undefined) return data;
        continue;
      }
      this.#touch(block);
      return block.data;
    }
  }

  /**
   * Starts one GET for the first absent blocks at or after `index`, as many as are free in memory and
   * lie before `index + count`. Undefined when there is nothing to fetch or no memory.
   */
  prefetch(source: ObjectSource, index: number, count: number): Prefetch | undefined {
    const end = index + count;
    let first = index;
    while (first < end && this.has(source, first)) first++;
    if (first >= end) return undefined;
    const reservation = this.#budget.tryReserve(blockBytes(source, first));
    if (reservation === undefined) return undefined;
    const wanted = this.#absentRun(source, first, end - first);
    const { run, count: started } = this.#startRun(source, first, wanted, reservation);
    run.hold();
    let held = true;
    return {
      firstIndex: first,
      count: started,
      get done() {
        return run.done;
      },
      release: () => {
        if (held) run.drop("gave up");
        held = false;
      },
    };
  }

  /** Drops the present blocks of a content that nobody will ask for again. */
  drop(source: ObjectSource): void {
    const last = blockCount(source.size);
    for (let index = 0; index < last; index++) {
      const block = this.#blocks.get(keyOf(source, index));
      if (block?.data !== undefined) this.#remove(block);
    }
  }

  /** Throws when an invariant of the class comment does not hold. For tests. */
  checkInvariants(): void {
    for (const [key, block] of this.#blocks) {
      if (key !== block.key) throw new Error(`Block ${block.key} is filed under ${key}`);
      if (this.#lru.has(block) !== (block.data !== undefined)) {
        throw new Error(`Block ${key} must be in the LRU list exactly while present`);
      }
    }
    for (const block of this.#lru) {
      if (this.#blocks.get(block.key) !== block) throw new Error(`Block ${block.key} is lost`);
    }
  }

  /** How many blocks from `index` on, at most `count`, are absent without a gap. */
  #absentRun(source: ObjectSource, index: number, count: number): number {
    const end = Math.min(index + count, blockCount(source.size));
    let next = index + 1;
    while (next < end && !this.has(source, next)) next++;
    return next - index;
  }

  /** Sends the GET for up to `count` blocks from `index` on; memory decides how many it can be. */
  #startRun(
    source: ObjectSource,
    index: number,
    count: number,
    first: Reservation,
  ): { run: FetchRun; count: number } {
    const run = new FetchRun();
    const blocks: Block[] = [];
    let reservation: Reservation | undefined = first;
    while (reservation !== undefined) {
      const at = index + blocks.length;
      const key = keyOf(source, at);
      const block: Block = {
        key,
        store: source.store,
        index: at,
        reservation,
        data: undefined,
        run,
        arrival: undefined,
      };
      this.#blocks.set(key, block);
      blocks.push(block);
      if (blocks.length >= count) break;
      reservation = this.#budget.tryReserve(blockBytes(source, at + 1));
    }
    void this.#fetch(source, blocks, run);
    return { run, count: blocks.length };
  }

  /** Never rejects: a failure goes to those who wait for the blocks, which become absent again. */
  async #fetch(source: ObjectSource, blocks: readonly Block[], run: FetchRun): Promise<void> {
    let asked = 0;
    let arrived = 0;
    this.#unfilled += blocks.length;
    try {
      // A failure must find its waiters: who asked for the blocks waits for them only now.
      await Promise.resolve();
      const range = {
        start: blocks[0]!.index * BLOCK_SIZE,
        end: Math.min((blocks.at(-1)!.index + 1) * BLOCK_SIZE, source.size),
      };
      const body = await openSource(source, range, run.abort.signal);
      try {
        for (const block of blocks) {
          this.#unfilled--;
          asked++;
          const data = await body.read(this.#buffer(block.reservation.bytes));
          if (data.byteLength !== block.reservation.bytes) throw bodyTooShort(source, block.index);
          block.data = data;
          this.#lru.add(block);
          this.#countersOf(source.store).usedBytes += data.byteLength;
          arrived++;
          block.arrival?.resolve(data);
          this.#budget.serveWaiters();
        }
      } finally {
        await body.cancel();
      }
    } catch (error) {
      for (const block of blocks.slice(arrived)) {
        this.#blocks.delete(block.key);
        block.reservation.release();
        block.arrival?.reject(error);
      }
    } finally {
      run.done = true;
      this.#unfilled -= blocks.length - asked;
      this.#trimSpare();
    }
  }

  /** Undefined when the GET was given up by those who wanted it before: it has to be asked for again. */
  async #awaitArrival(block: Block, signal: AbortSignal): Promise<Uint8Array | undefined> {
    block.arrival ??= Promise.withResolvers<Uint8Array>();
    block.run.hold();
    try {
      const data = await untilAborted(block.arrival.promise, signal);
      block.run.drop("served");
      return data;
    } catch (error) {
      block.run.drop("gave up");
      if (block.run.abort.signal.aborted && !signal.aborted) return undefined;
      throw error;
    }
  }

  #touch(block: Block): void {
    this.#lru.delete(block);
    this.#lru.add(block);
  }

  #evict(bytes: number): void {
    let freed = 0;
    for (const block of this.#lru) {
      if (freed >= bytes) return;
      freed += block.reservation.bytes;
      this.#remove(block);
    }
  }

  #remove(block: Block): void {
    this.#lru.delete(block);
    this.#blocks.delete(block.key);
    block.reservation.release();
    if (block.data !== undefined) {
      this.#countersOf(block.store).usedBytes -= block.data.byteLength;
      this.#dropped.push(block.data.buffer);
      if (this.#dropped.length === 1) void nextTurn().then(() => this.#keepDropped());
    }
  }

  #countersOf(store: ObjectStore): Counters {
    let counters = this.#counters.get(store);
    if (counters === undefined) {
      counters = { usedBytes: 0, readBytes: 0, hitBytes: 0 };
      this.#counters.set(store, counters);
    }
    return counters;
  }

  #keepDropped(): void {
    for (const buffer of this.#dropped) {
      if (buffer.byteLength === BLOCK_SIZE) this.#spare.push(buffer);
      else buffer.transfer(0);
    }
    this.#dropped = [];
    this.#trimSpare();
  }

  #trimSpare(): void {
    // Transferred to nothing, which frees at once what the garbage collector would leave for later.
    while (this.#spare.length > this.#unfilled) this.#spare.pop()!.transfer(0);
  }

  #buffer(size: number): Uint8Array<ArrayBuffer> {
    const spare = size === BLOCK_SIZE ? this.#spare.pop() : undefined;
    return spare === undefined ? new Uint8Array(size) : new Uint8Array(spare);
  }
}

/** How many blocks an object of `size` bytes has. */
export function blockCount(size: number): number {
  return Math.ceil(size / BLOCK_SIZE);
}

function blockBytes(source: ObjectSource, index: number): number {
  return Math.min(BLOCK_SIZE, source.size - index * BLOCK_SIZE);
}

function keyOf(source: ObjectSource, index: number): string {
  return `${source.id}:${index}`;
}

function bodyTooShort(source: ObjectSource, index: number): Error {
  return new TransportError(`The body ended inside block ${index}`, {
    operation: "GetObject",
    bucket: source.store.bucket,
    key: source.key,
  });
}
