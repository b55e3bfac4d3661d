/** What the blocks in memory do with the disk behind them, which is a stub here. */
import assert from "node:assert/strict";
import { putSource } from "../../tests/support/disk_rig.ts";
import { nextTurn } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { BLOCK_SIZE } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import type { BlockDisk, BlockToSave } from "./block_disk.ts";
import type { ObjectSource } from "./object_source.ts";

const never = new AbortController().signal;
const SIZE = 6 * BLOCK_SIZE;

class StubDisk implements BlockDisk {
  readonly present = new Set<number>();
  readonly saves = new Map<number, BlockToSave>();
  readonly advised: [number, number][] = [];
  /** Reads find nothing from this index on, whatever `has` said. */
  brokenFrom = Infinity;

  has(_source: ObjectSource, index: number): boolean {
    return this.present.has(index);
  }

  readNow(): undefined {}

  warm(): Promise<void> {
    return Promise.resolve();
  }

  read(_source: ObjectSource, index: number, target: Uint8Array): Promise<boolean> {
    if (index >= this.brokenFrom) return Promise.resolve(false);
    target.fill(100 + index);
    return Promise.resolve(true);
  }

  willNeed(_source: ObjectSource, index: number, count: number): void {
    this.advised.push([index, count]);
  }

  save(_source: ObjectSource, index: number, block: BlockToSave): void {
    this.saves.set(index, block);
  }

  adopt(): boolean {
    return false;
  }

  roomFor(): number {
    return SIZE;
  }
}

async function setUp(limitBytes: number) {
  const disk = new StubDisk();
  const budget = new MemoryBudget(limitBytes);
  const cache = new BlockCache(budget, disk);
  const store = new MemoryStore();
  const bytes = new Uint8Array(SIZE).map((_, at) => 1 + Math.floor(at / BLOCK_SIZE));
  const source = await putSource(store, "key", bytes);
  return { disk, budget, cache, store, source };
}

Deno.test("A run takes from disk what is there, and fetches the rest by one GET each", async () => {
  const { disk, cache, store, source } = await setUp(SIZE);
  for (const index of [0, 1, 4]) disk.present.add(index);
  const first: number[] = [];
  for (let index = 0; index < 6; index++) {
    first.push((await cache.read(source, index, 6 - index, never))[0]!);
  }
  assert.deepEqual(first, [100, 101, 3, 4, 104, 6]);
  assert.equal(store.counts.get, 2);
  assert.deepEqual([...disk.saves.keys()], [2, 3, 5], "only what came by GET is saved");
  cache.checkInvariants();
});

Deno.test("Blocks that turn out not to be on disk are fetched", async () => {
  const { disk, budget, cache, store, source } = await setUp(SIZE);
  for (let index = 0; index < 6; index++) disk.present.add(index);
  disk.brokenFrom = 2;
  const first: number[] = [];
  for (let index = 0; index < 6; index++) {
    first.push((await cache.read(source, index, 6 - index, never))[0]!);
  }
  assert.deepEqual(first, [100, 101, 3, 4, 5, 6]);
  assert.equal(store.counts.get, 1);
  assert.equal(budget.usedBytes, SIZE);
});

Deno.test("A block that is being saved keeps its buffer and its memory, even when it is dropped", async () => {
  const { disk, budget, cache, source } = await setUp(2 * BLOCK_SIZE);
  await cache.read(source, 0, 1, never);
  const held = disk.saves.get(0)!.begin()!;
  cache.drop(source);
  for (const index of [1, 2, 3]) {
    await cache.read(source, index, 1, never);
    await nextTurn();
    assert.ok(held.every((byte) => byte === 1), `after block ${index}`);
    assert.ok(budget.usedBytes <= 2 * BLOCK_SIZE);
  }
  assert.equal(cache.has(source, 0), false);
  disk.saves.get(0)!.end();
  assert.equal(budget.usedBytes, BLOCK_SIZE);
  cache.checkInvariants();
});

Deno.test("Whoever waits for memory gets that of a block as soon as it is saved", async () => {
  const { disk, cache, source } = await setUp(BLOCK_SIZE);
  await cache.read(source, 0, 1, never);
  assert.ok(disk.saves.get(0)!.begin());
  const waiting = cache.read(source, 1, 1, never);
  await nextTurn();
  disk.saves.get(0)!.end();
  assert.equal((await waiting)[0], 2);
});

Deno.test("Others leave memory before a block that is being saved", async () => {
  const { disk, cache, source } = await setUp(2 * BLOCK_SIZE);
  await cache.read(source, 0, 1, never);
  disk.saves.get(0)!.begin();
  for (const index of [1, 2, 3]) await cache.read(source, index, 1, never);
  assert.deepEqual([0, 1, 2, 3].map((index) => cache.has(source, index)), [
    true,
    false,
    false,
    true,
  ]);
  disk.saves.get(0)!.end();
});

Deno.test("A block that has left memory is not saved", async () => {
  const { disk, cache, source } = await setUp(SIZE);
  await cache.read(source, 0, 1, never);
  cache.drop(source);
  assert.equal(disk.saves.get(0)!.begin(), undefined);
  disk.saves.get(0)!.end();
});

Deno.test("A prefetch of what is on disk takes neither a request nor memory", async () => {
  const { disk, budget, cache, store, source } = await setUp(SIZE);
  for (const index of [0, 1, 2]) disk.present.add(index);
  const prefetch = cache.prefetch(source, 0, 6)!;
  assert.deepEqual([prefetch.firstIndex, prefetch.count, prefetch.done], [0, 3, true]);
  assert.deepEqual(disk.advised, [[0, 3]]);
  assert.equal(budget.usedBytes, 0);
  const rest = cache.prefetch(source, 3, 3)!;
  assert.deepEqual([rest.firstIndex, rest.count], [3, 3]);
  await cache.read(source, 5, 1, never);
  assert.equal(store.counts.get, 1);
});

Deno.test("A fill that somebody reads from stays in memory, the rest leaves it when saved", async () => {
  const { disk, cache, source } = await setUp(SIZE);
  const fill = cache.fill(source, 0, 3)!;
  const read = cache.read(source, 1, 1, never);
  assert.equal((await read)[0], 2);
  await cache.read(source, 2, 1, never);
  let ended = false;
  void fill.ended.then(() => ended = true);
  for (const index of [0, 1, 2]) {
    await nextTurn();
    assert.equal(ended, false);
    disk.saves.get(index)!.begin();
    disk.saves.get(index)!.end();
  }
  await fill.ended;
  assert.deepEqual([0, 1, 2].map((index) => cache.has(source, index)), [false, true, true]);
});

Deno.test("A fill that is released is over", async () => {
  const { cache, budget, store, source } = await setUp(SIZE);
  const gate = Promise.withResolvers<void>();
  store.hook = async (_call, signal) => {
    await Promise.race([
      gate.promise,
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ]);
  };
  const fill = cache.fill(source, 0, 3)!;
  await nextTurn();
  fill.release();
  await fill.ended;
  assert.equal(budget.usedBytes, 0);
});

Deno.test("BlockCache leaves those blocks to the disk that are there, unless they are being written", async () => {
  const { disk, budget, cache, source } = await setUp(SIZE);
  await cache.read(source, 0, 6, never);
  await cache.read(source, 5, 1, never);
  for (const index of [0, 1]) {
    disk.saves.get(index)!.begin();
    disk.present.add(index);
  }
  disk.saves.get(0)!.end();
  cache.leaveToDisk(source, 0, 6);
  assert.deepEqual([0, 1, 2, 5].map((index) => cache.isPresent(source, index)), [
    false,
    true,
    true,
    true,
  ]);
  assert.equal(budget.usedBytes, 5 * BLOCK_SIZE);
  disk.saves.get(1)!.end();
  cache.leaveToDisk(source, 0, 2);
  assert.ok(!cache.has(source, 1));
  cache.checkInvariants();
});
