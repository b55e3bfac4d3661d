/**
 * The blocks of objects in memory, for all mounts together.
 *
 * An object is cut into blocks of `BLOCK_SIZE` bytes (the last one shorter). A block is absent, on its
 * way, or present. A run of neighbouring absent blocks is brought by one GET, or from disk where they
 * are there; whoever else wants one of them waits for the same run. Each block has its own buffer,
 * which the response body fills directly, and its own reservation in the memory budget, made before
 * the run begins; the budget takes the least recently used present blocks back when memory is short.
 * What came by GET is saved to disk in the background.
 *
 * Invariants: a block is in `#blocks` exactly while it is present or on its way; only present blocks
 * are in `#lru`; the bytes of every block in `#blocks` are reserved, and those of a block that is being
 * saved; the buffer of a block that is being saved is not used for anything else.
 */
import type { MemoryBudget, Reservation } from "../base/memory_budget.ts";
import { untilAborted } from "../base/until_aborted.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import { type Block, BLOCK_SIZE, blockBytes, blockCount, blockKey, blocksOf } from "./block.ts";
import { BlockBuffers, type ExpectedBuffers } from "./block_buffers.ts";
import type { BlockDisk } from "./block_disk.ts";
import { BlockCounters, type BlockUsage } from "./block_usage.ts";
import { FetchRun, type Fill, type Prefetch } from "./fetch_run.ts";
import { bodyTooShort, type ObjectSource, openSource } from "./object_source.ts";
import { Slabs } from "./slabs.ts";
import { TurnMemory } from "./turn_memory.ts";

export class BlockCache {
  readonly #budget: MemoryBudget;
  readonly #disk: BlockDisk | undefined;
  readonly #buffers: BlockBuffers;
  readonly #turnMemory: TurnMemory;
  readonly #counters = new BlockCounters();
  readonly #blocks = new Map<string, Block>();
  readonly #lru = new Set<Block>();

  constructor(budget: MemoryBudget, disk?: BlockDisk, slabs = new Slabs(BLOCK_SIZE)) {
    this.#budget = budget;
    this.#disk = disk;
    this.#buffers = new BlockBuffers(slabs);
    this.#turnMemory = new TurnMemory(budget, slabs);
    budget.addReclaimer((bytes) => this.#evict(bytes));
  }

  /** How memory is used, by one store or (without) by all together. */
  usage(store?: ObjectStore): BlockUsage {
    return this.#counters.usage(store);
  }

  /** Counts a read of `bytes`, for `usage`; a hit needs no request. */
  countRead({ store }: ObjectSource, bytes: number, hit: boolean): void {
    this.#counters.countRead(store, bytes, hit);
  }

  /** Forgets the counts of a store that is used no more, once its blocks are dropped. */
  forgetStore(store: ObjectStore): void {
    for (const block of this.#lru) if (block.store === store) this.#remove(block);
    this.#counters.forget(store);
  }

  /** The whole budget that these blocks live in, in bytes. */
  get limitBytes(): number {
    return this.#budget.limitBytes;
  }

  /** The block's bytes if they are in memory now; only to be read, and only in this turn of the event loop. */
  peek(source: ObjectSource, index: number): Uint8Array | undefined {
    const block = this.#blocks.get(blockKey(source, index));
    if (block?.data === undefined) return undefined;
    this.#touch(block);
    return block.data;
  }

  /** True when the block is present or on its way. */
  has(source: ObjectSource, index: number): boolean {
    return this.#blocks.has(blockKey(source, index));
  }

  /** True when the block is present. */
  isPresent(source: ObjectSource, index: number): boolean {
    return this.#blocks.get(blockKey(source, index))?.data !== undefined;
  }

  /** True when the block is on disk, as far as is known. */
  hasOnDisk(source: ObjectSource, index: number): boolean {
    return this.#disk?.has(source, index) === true;
  }

  /** True when reading the block takes a request. */
  isAbsent(source: ObjectSource, index: number): boolean {
    return !this.has(source, index) && !this.hasOnDisk(source, index);
  }

  /** How many bytes of objects like this one can be on disk. */
  diskRoomFor(source: ObjectSource): number {
    return this.#disk?.roomFor(source) ?? 0;
  }

  /**
   * Bytes `offset` to `end`, which lie in one block, if they are on disk and to be had at once; only to be
   * read, and only in this turn of the event loop.
   */
  readFromDisk(source: ObjectSource, offset: number, end: number): Uint8Array | undefined {
    return this.#disk?.readNow(source, offset, end, (bytes) => this.#turnMemory.lend(bytes));
  }

  /** Resolves when `readFromDisk` can have what is on disk of this range at once, as far as is possible. */
  async warm(source: ObjectSource, offset: number, end: number): Promise<void> {
    await this.#disk?.warm(source, offset, end);
  }

  /**
   * The block's bytes, brought if need be together with the absent ones of the `count` blocks from
   * `index` on; only to be read, and only in this turn of the event loop. Throws what the store throws
   * (`PreconditionFailedError`: the object has changed).
   */
  async read(
    source: ObjectSource,
    index: number,
    count: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    for (;;) {
      signal.throwIfAborted();
      const block = this.#blocks.get(blockKey(source, index));
      if (block === undefined) {
        const first = await this.#budget.reserve(blockBytes(source, index), signal);
        // Someone else may have asked for the block while this one waited for memory.
        if (this.has(source, index)) first.release();
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
   * lie before `index + count`. Those on disk stay there, but will come soon when they are read.
   * Undefined when there is nothing to do or no memory.
   */
  prefetch(source: ObjectSource, index: number, count: number): Prefetch | undefined {
    const end = index + count;
    let first = index;
    while (first < end && this.has(source, first)) first++;
    if (first >= end) return undefined;
    const wanted = this.#absentRun(source, first, end - first);
    if (this.hasOnDisk(source, first)) {
      this.#disk?.willNeed(source, first, wanted);
      return { firstIndex: first, count: wanted, done: true, release: () => {} };
    }
    const reservation = this.#budget.tryReserve(blockBytes(source, first));
    if (reservation === undefined) return undefined;
    return this.#startRun(source, first, wanted, reservation).prefetch();
  }

  /**
   * Brings blocks to the disk, by one GET for the first that take a request of the `count` from `index`
   * on. Who wants one of them meanwhile waits for this GET. Undefined when there is nothing to bring,
   * no disk, or no memory.
   */
  fill(source: ObjectSource, index: number, count: number): Fill | undefined {
    const end = Math.min(index + count, blockCount(source.size));
    let first = index;
    while (first < end && !this.isAbsent(source, first)) first++;
    if (first >= end || this.diskRoomFor(source) === 0) return undefined;
    const reservation = this.#budget.tryReserve(blockBytes(source, first));
    if (reservation === undefined) return undefined;
    const wanted = this.#absentRun(source, first, end - first);
    const run = this.#startRun(source, first, wanted, reservation, true);
    return Object.assign(run.prefetch(), { ended: run.ended });
  }

  /** Hands over a local file that has exactly this content; false when it stays where it is. */
  adopt(source: ObjectSource, path: string): boolean {
    return this.#disk?.adopt(source, path) === true;
  }

  /** Has a content of one block, whose bytes are `data`, saved to disk in the background. */
  saveWhole(source: ObjectSource, data: Uint8Array<ArrayBuffer>): void {
    const reservation = this.#disk && this.#budget.tryReserve(data.byteLength);
    if (reservation === undefined) return;
    this.#disk!.save(source, 0, { begin: () => data, end: () => reservation.release() });
  }

  /** Takes those of the `count` blocks from `index` on out of memory that are on disk too. */
  leaveToDisk(source: ObjectSource, index: number, count: number): void {
    for (let at = index; at < index + count; at++) {
      const block = this.#blocks.get(blockKey(source, at));
      if (block?.data === undefined || block.saving || !this.hasOnDisk(source, at)) continue;
      this.#remove(block);
    }
  }

  /** Drops the present blocks of a content that nobody will ask for again. */
  drop(source: ObjectSource): void {
    const last = blockCount(source.size);
    for (let index = 0; index < last; index++) {
      const block = this.#blocks.get(blockKey(source, index));
      if (block?.data !== undefined) this.#remove(block);
    }
  }

  /** Throws when an invariant of the class comment does not hold. For tests. */
  checkInvariants(): void {
    for (const [key, block] of this.#blocks) {
      if (this.#lru.has(block) !== (block.data !== undefined)) {
        throw new Error(`Block ${key} must be in the LRU list exactly while present`);
      }
    }
    for (const block of [...this.#lru, ...this.#blocks.values()]) {
      if (this.#blocks.get(block.key) !== block) throw new Error(`Block ${block.key} is lost`);
    }
  }

  /** How many blocks from `index` on, at most `count`, are absent without a gap, and all of them on disk or none. */
  #absentRun(source: ObjectSource, index: number, count: number): number {
    const end = Math.min(index + count, blockCount(source.size));
    const onDisk = this.hasOnDisk(source, index);
    let next = index + 1;
    while (next < end && !this.has(source, next) && this.hasOnDisk(source, next) === onDisk) next++;
    return next - index;
  }

  /** Brings up to `count` blocks from `index` on; memory decides how many it can be. */
  #startRun(
    source: ObjectSource,
    index: number,
    count: number,
    first: Reservation,
    passing = false,
  ): FetchRun {
    const reservations = [first];
    while (reservations.length < count) {
      const reservation = this.#budget.tryReserve(blockBytes(source, index + reservations.length));
      if (reservation === undefined) break;
      reservations.push(reservation);
    }
    const run = new FetchRun(index, reservations.length);
    const blocks = blocksOf(source, run, reservations, passing);
    for (const block of blocks) this.#blocks.set(block.key, block);
    void this.#bring(source, blocks, run);
    return run;
  }

  /** Never rejects: a failure goes to those who wait for the blocks, which become absent again. */
  async #bring(source: ObjectSource, blocks: readonly Block[], run: FetchRun): Promise<void> {
    const buffers = this.#buffers.expect(blocks.length);
    try {
      // A failure must find its waiters: who asked for the blocks waits for them only now.
      await Promise.resolve();
      const loaded = await this.#load(source, blocks, run, buffers);
      if (loaded < blocks.length) await this.#fetch(source, blocks.slice(loaded), run, buffers);
    } catch (error) {
      for (const block of blocks) {
        if (block.data !== undefined) continue;
        this.#blocks.delete(block.key);
        block.reservation.release();
        block.arrival?.reject(error);
      }
    } finally {
      run.finish();
      buffers.end();
    }
  }

  /** Takes the blocks from disk up to the first that is not there; returns how many. */
  async #load(
    source: ObjectSource,
    blocks: readonly Block[],
    run: FetchRun,
    buffers: ExpectedBuffers,
  ): Promise<number> {
    for (const [loaded, block] of blocks.entries()) {
      if (!this.hasOnDisk(source, block.index)) return loaded;
      run.signal.throwIfAborted();
      const target = buffers.take(block.reservation.bytes);
      if (await this.#disk?.read(source, block.index, target) !== true) {
        buffers.putBack(target);
        return loaded;
      }
      this.#arrived(block, target);
    }
    return blocks.length;
  }

  async #fetch(
    source: ObjectSource,
    blocks: readonly Block[],
    run: FetchRun,
    buffers: ExpectedBuffers,
  ): Promise<void> {
    const range = {
      start: blocks[0]!.index * BLOCK_SIZE,
      end: Math.min((blocks.at(-1)!.index + 1) * BLOCK_SIZE, source.size),
    };
    const body = await openSource(source, range, run.signal);
    try {
      for (const block of blocks) {
        const { bytes } = block.reservation;
        const target = buffers.take(bytes);
        let data: Uint8Array<ArrayBuffer>;
        try {
          data = await body.read(target);
          if (data.byteLength !== bytes) throw bodyTooShort(source, block.index);
        } catch (error) {
          buffers.putBack(target);
          throw error;
        }
        this.#arrived(block, data);
        this.#save(source, block);
      }
    } finally {
      await body.cancel();
    }
  }

  #arrived(block: Block, data: Uint8Array<ArrayBuffer>): void {
    block.data = data;
    this.#lru.add(block);
    this.#counters.countUsed(block.store, data.byteLength);
    block.arrival?.resolve(data);
    this.#budget.serveWaiters();
  }

  #save(source: ObjectSource, block: Block): void {
    if (this.#disk === undefined) return;
    block.run.beginSave();
    this.#disk.save(source, block.index, {
      begin: () => {
        if (!this.#lru.has(block)) return undefined;
        block.saving = true;
        return block.data;
      },
      end: () => {
        const wasSaving = block.saving;
        block.saving = false;
        if (!this.#lru.has(block)) { if (wasSaving) this.#giveBack(block); }
        else if (block.passing) this.#remove(block);
        else this.#budget.serveWaiters();
        block.run.endSave();
      },
    });
  }

  /** Undefined when the run was given up by those who wanted it before: it has to be asked for again. */
  async #awaitArrival(block: Block, signal: AbortSignal): Promise<Uint8Array | undefined> {
    block.arrival ??= Promise.withResolvers<Uint8Array>();
    block.passing = false;
    block.run.hold();
    try {
      const data = await untilAborted(block.arrival.promise, signal);
      block.run.drop("served");
      return data;
    } catch (error) {
      block.run.drop("gave up");
      if (block.run.signal.aborted && !signal.aborted) return undefined;
      throw error;
    }
  }

  #touch(block: Block): void {
    block.passing = false;
    this.#lru.delete(block);
    this.#lru.add(block);
  }

  #evict(bytes: number): void {
    let freed = 0;
    for (const block of this.#lru) {
      if (freed >= bytes) return;
      if (block.saving) continue;
      freed += block.reservation.bytes;
      this.#remove(block);
    }
  }

  #remove(block: Block): void {
    this.#lru.delete(block);
    this.#blocks.delete(block.key);
    this.#counters.countUsed(block.store, -block.reservation.bytes);
    if (!block.saving) this.#giveBack(block);
  }

  /** Nobody needs the bytes of a block that was removed. */
  #giveBack(block: Block): void {
    block.reservation.release();
    this.#buffers.give(block.data!);
  }
}
