import assert from "node:assert/strict";
import { nextTurn } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { CountingSlabs } from "../../tests/support/counting_slabs.ts";
import { SeededRandom } from "../../tests/support/seeded_random.ts";
import { PreconditionFailedError } from "../s3/errors.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { BLOCK_SIZE } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { nextSourceId, type ObjectSource } from "./object_source.ts";

const never = new AbortController().signal;
const SIZE = 4 * BLOCK_SIZE + 1000;

async function setUp(options: { limitBytes?: number } = {}) {
  const store = new MemoryStore();
  const bytes = new SeededRandom(7).bytes(SIZE);
  const { etag } = await store.put("key", bytes, {}, never);
  const source: ObjectSource = { store, id: nextSourceId(), key: "key", etag, size: SIZE };
  const budget = new MemoryBudget(options.limitBytes ?? 64 * 2 ** 20);
  return { store, bytes, source, budget, cache: new BlockCache(budget) };
}

Deno.test("BlockCache fetches neighbouring absent blocks by one GET and then keeps them", async () => {
  const { store, bytes, source, cache } = await setUp();
  for (let index = 0; index < 5; index++) {
    const block = await cache.read(source, index, 5 - index, never);
    assert.deepEqual(block, bytes.slice(index * BLOCK_SIZE, (index + 1) * BLOCK_SIZE));
  }
  assert.equal(store.counts.get, 1);
  assert.equal(cache.peek(source, 4)?.byteLength, 1000);
  cache.checkInvariants();
});

Deno.test("BlockCache sends one GET however many ask at the same time", async () => {
  const { store, source, cache } = await setUp();
  await Promise.all(Array.from({ length: 20 }, () => cache.read(source, 1, 1, never)));
  assert.equal(store.counts.get, 1);
});

Deno.test("BlockCache stays within the budget and drops what was used longest ago", async () => {
  const { store, source, budget, cache } = await setUp({ limitBytes: 2 * BLOCK_SIZE });
  for (const index of [0, 1, 0, 2]) await cache.read(source, index, 1, never);
  assert.ok(budget.usedBytes <= 2 * BLOCK_SIZE);
  assert.notEqual(cache.peek(source, 0), undefined, "used again");
  assert.equal(cache.peek(source, 1), undefined, "used longest ago");
  assert.equal(store.counts.get, 3);
  cache.checkInvariants();
});

Deno.test("BlockCache serves readers that together want more than the budget", async () => {
  const { bytes, source, cache } = await setUp({ limitBytes: BLOCK_SIZE });
  const blocks = await Promise.all([0, 1, 2, 3].map(async (index) => {
    const block = await cache.read(source, index, 1, never);
    return block.slice(0, 16);
  }));
  blocks.forEach((block, i) => {
    assert.deepEqual(block, bytes.slice(i * BLOCK_SIZE, i * BLOCK_SIZE + 16));
  });
});

Deno.test("BlockCache makes blocks absent again when their GET fails, and tells every waiter", async () => {
  const { store, source, budget, cache } = await setUp();
  const { etag } = await store.put("key", new Uint8Array(SIZE), {}, never);
  assert.notEqual(etag, source.etag);
  const reads = [cache.read(source, 0, 2, never), cache.read(source, 1, 1, never)];
  for (const read of reads) await assert.rejects(read, PreconditionFailedError);
  assert.equal(cache.has(source, 0), false);
  assert.equal(budget.usedBytes, 0);
});

Deno.test("BlockCache aborts a prefetch that nobody waits for, and not one that somebody does", async () => {
  const { store, source, cache } = await setUp();
  const signals: AbortSignal[] = [];
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  store.hook = async (_call, signal) => {
    if (signals.push(signal) === 2) asked.resolve();
    await gate.promise;
  };
  const unwanted = cache.prefetch(source, 0, 1)!;
  const wanted = cache.prefetch(source, 2, 1)!;
  const read = cache.read(source, 2, 1, never);
  await asked.promise;
  unwanted.release();
  wanted.release();
  assert.equal(signals[0]!.aborted, true);
  assert.equal(signals[1]!.aborted, false);
  gate.resolve();
  assert.equal((await read).byteLength, BLOCK_SIZE);
});

Deno.test("BlockCache loses no memory to a GET that fails or ends too soon", async () => {
  const { store, source } = await setUp();
  const slabs = new CountingSlabs(BLOCK_SIZE);
  const budget = new MemoryBudget(64 * 2 ** 20);
  const cache = new BlockCache(budget, undefined, slabs);
  const get = store.get.bind(store);
  let endsTooSoon = false;
  store.get = async (key, options, signal) => {
    const body = await get(key, options, signal);
    const read = body.read.bind(body);
    let blocks = 0;
    body.read = async (target) => {
      if (blocks++ < 1) return await read(target);
      if (!endsTooSoon) throw new Error("gone");
      return (await read(target)).subarray(0, 1000);
    };
    return body;
  };
  for (endsTooSoon of [false, true]) {
    const reads = [cache.read(source, 0, 3, never), cache.read(source, 1, 1, never)];
    await reads[0];
    await assert.rejects(reads[1]!);
    cache.drop(source);
    await nextTurn();
    await nextTurn();
    assert.equal(slabs.out, 0);
    assert.equal(budget.usedBytes, 0);
  }
});

Deno.test("BlockCache lets a reader go when its signal fires", async () => {
  const { store, source, cache } = await setUp();
  const gate = Promise.withResolvers<void>();
  store.hook = () => gate.promise;
  const abort = new AbortController();
  const read = cache.read(source, 0, 1, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(read, /enough/);
  gate.resolve();
});

Deno.test("BlockCache prefetches only what memory allows, and nothing twice", async () => {
  const { store, source, cache } = await setUp({ limitBytes: 3 * BLOCK_SIZE });
  const prefetch = cache.prefetch(source, 0, 5)!;
  assert.equal(prefetch.count, 3);
  assert.equal(cache.prefetch(source, 0, 3), undefined);
  await cache.read(source, 2, 1, never);
  assert.equal(store.counts.get, 1);
  prefetch.release();
});

Deno.test("BlockCache tells what each store uses and how often it was there", async () => {
  const { store, source, cache } = await setUp();
  assert.deepEqual(cache.usage(), { usedBytes: 0, readBytes: 0, hitRate: null });
  await cache.read(source, 0, 1, never);
  cache.countRead(source, 300, true);
  cache.countRead(source, 100, false);
  assert.deepEqual(cache.usage(store), { usedBytes: BLOCK_SIZE, readBytes: 400, hitRate: 0.75 });
  assert.deepEqual(cache.usage(new MemoryStore()), { usedBytes: 0, readBytes: 0, hitRate: null });
  cache.forgetStore(store);
  assert.deepEqual(cache.usage(), { usedBytes: 0, readBytes: 0, hitRate: null });
  assert.equal(cache.has(source, 0), false);
});
