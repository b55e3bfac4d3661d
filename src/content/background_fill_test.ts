import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { RecordingStore } from "../../tests/support/recording_store.ts";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { BLOCK_SIZE, blockCount } from "../cache/block.ts";
import { BlockCache } from "../cache/block_cache.ts";
import type { Fill } from "../cache/fetch_run.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import type { GetOptions, ObjectBody } from "../s3/object_store.ts";
import { BackgroundFill, type FillTarget } from "./background_fill.ts";
import type { FileReader } from "./file_reader.ts";
import { FileReaders } from "./file_readers.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
/** Of some hundred reads a few touch, or are at equal steps, by chance: they begin a series, which is fetched ahead. */
const BY_CHANCE = 8 * MIB;

/** At the end of a line with a latency and a bandwidth, which all that is under way shares. */
class SlowStore extends RecordingStore {
  readonly clock = new FakeClock();
  latencyMs = 30;
  bytesPerMs = 500_000;
  #freeMs = 0;

  override async get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    const { start, end } = options.range!;
    const body = await super.get(key, options, signal);
    const now = this.clock.monotonicMs();
    this.#freeMs = Math.max(this.#freeMs, now) + (end - start) / this.bytesPerMs;
    await this.clock.sleep(this.latencyMs + this.#freeMs - now, signal);
    return body;
  }
}

interface Rig {
  readonly store: SlowStore;
  readonly source: ObjectSource;
  readonly reader: FileReader;
}

async function setUp(size: number, memory = 256 * MIB): Promise<Rig> {
  const store = new SlowStore();
  const source = await store.source(size);
  const readers = new FileReaders(new BlockCache(new MemoryBudget(memory)), store.clock);
  return { store, source, reader: readers.open() };
}

/** Reads one after the other; returns how many had to wait. */
async function readAt(rig: Rig, blocks: Iterable<number>): Promise<number> {
  const { store, source, reader } = rig;
  let waits = 0;
  for (const block of blocks) {
    // Nowhere at equal steps.
    const offset = block * BLOCK_SIZE + (block * block * 7919 % 61) * 4096;
    const views = reader.read(source, offset, 4096, never);
    if (!(views instanceof Promise)) continue;
    waits++;
    let isDone = false;
    views.then(() => isDone = true);
    while (!isDone) await store.clock.advance(1);
  }
  return waits;
}

Deno.test("BackgroundFill fetches a file that is read at random whole, long before all of it was read", () =>
  withSeed(async (random) => {
    const rig = await setUp(96 * MIB);
    const blocks = blockCount(rig.source.size);
    const reads = Array.from({ length: 300 }, () => random.below(blocks));
    const waits = await readAt(rig, reads);
    assert.ok(waits < 60, `${waits} of 300 reads waited`);
    assert.ok(rig.store.bytes <= rig.source.size + BY_CHANCE, "nothing is fetched twice");
    const large = rig.store.ranges.filter(({ start, end }) => end - start >= 2 * MIB);
    assert.ok(large.length >= 4, "by large GETs");
  }));

Deno.test("BackgroundFill does nothing for someone who reads a few places", () =>
  withSeed(async (random) => {
    const rig = await setUp(96 * MIB);
    const blocks = blockCount(rig.source.size);
    await readAt(rig, Array.from({ length: 7 }, () => random.below(blocks)));
    assert.ok(rig.store.bytes <= 7 * BLOCK_SIZE);
  }));

/** Takes any number of blocks at once, and remembers none. */
class Sink implements FillTarget {
  readonly limitBytes = 0;
  blocks = 0;

  diskRoomFor(): number {
    return Infinity;
  }

  isAbsent(): boolean {
    return true;
  }

  prefetch(): undefined {}

  fill(_source: ObjectSource, firstIndex: number, count: number): Fill {
    this.blocks += count;
    return { firstIndex, count, done: true, release: () => {}, ended: Promise.resolve() };
  }
}

Deno.test("BackgroundFill fetches what the reads pay for, and nothing when they stop", async () => {
  for (
    const { waitMs, paidBytes } of [{ waitMs: 40, paidBytes: 32 * MIB }, {
      waitMs: 10,
      paidBytes: 10 * MIB, // 1 MiB for each millisecond
    }]
  ) {
    const clock = new FakeClock();
    const sink = new Sink();
    const fill = new BackgroundFill(sink, clock);
    const source = { ...await new RecordingStore().source(0), size: 2 ** 34 };
    const fetchedBytes = () => sink.blocks * BLOCK_SIZE;
    for (let misses = 1; misses <= 2000; misses++) {
      await clock.advance(waitMs);
      fill.missed(source, blockCount(source.size) - 1, waitMs);
      assert.ok(fetchedBytes() <= misses * paidBytes);
    }
    assert.ok(fetchedBytes() > 1980 * paidBytes || fetchedBytes() === source.size);
    const before = sink.blocks;
    await clock.advance(60_000);
    assert.equal(sink.blocks, before);
  }
});

Deno.test("BackgroundFill waits until the reads have lost a part of what it would cost", () =>
  withSeed(async (random) => {
    const rig = await setUp(120 * MIB);
    rig.store.latencyMs = 15;
    const blocks = blockCount(rig.source.size);
    let misses = 0;
    while (!rig.store.ranges.some(({ end, start }) => end - start > BLOCK_SIZE)) {
      misses += await readAt(rig, [random.below(blocks)]);
    }
    // 120 MiB would take 240 ms, of which a fourth are four reads of 15 ms; but eight are the least.
    assert.ok(misses >= 8 && misses <= 12, `${misses} misses`);
  }));

Deno.test("BackgroundFill does nothing where the reads get nearly as much by themselves", () =>
  withSeed(async (random) => {
    const near = await setUp(120 * MIB);
    near.store.latencyMs = 1;
    const blocks = blockCount(near.source.size);
    await readAt(near, Array.from({ length: 400 }, () => random.below(blocks)));
    assert.ok(near.store.ranges.every(({ start, end }) => end - start <= BLOCK_SIZE));

    const parallel = await setUp(120 * MIB);
    for (let round = 0; round < 20; round++) {
      const reads = Array.from({ length: 16 }, () => readAt(parallel, [random.below(blocks)]));
      await Promise.all(reads);
    }
    // Some reads of one moment touch each other.
    assert.ok(parallel.store.ranges.every(({ start, end }) => end - start < MIB));
  }));

Deno.test("BackgroundFill leaves files alone that do not fit", () =>
  withSeed(async (random) => {
    const rig = await setUp(64 * MIB, 96 * MIB);
    const blocks = blockCount(rig.source.size);
    await readAt(rig, Array.from({ length: 100 }, () => random.below(blocks)));
    assert.ok(rig.store.bytes <= 100 * BLOCK_SIZE + BY_CHANCE);
  }));

Deno.test("BackgroundFill leaves a slow line to the reads: few GETs at a time, small ones", () =>
  withSeed(async (random) => {
    const rig = await setUp(96 * MIB);
    rig.store.bytesPerMs = 5000; // 5 MB/s: a read waits 82 ms.
    const blocks = blockCount(rig.source.size);
    const startMs = rig.store.clock.monotonicMs();
    await readAt(rig, Array.from({ length: 60 }, () => random.below(blocks)));
    const fills = rig.store.ranges.filter(({ start, end }) => end - start > BLOCK_SIZE);
    assert.ok(fills.length > 0 && fills.every(({ start, end }) => end - start <= 2 * MIB));
    const meanMs = (rig.store.clock.monotonicMs() - startMs) / 60;
    assert.ok(meanMs < 4 * 82, `a read takes ${meanMs} ms on average`);
  }));

Deno.test("BackgroundFill does not take a busy processor for a far line: the quickest read tells", async () => {
  const cache = new BlockCache(new MemoryBudget(256 * MIB));
  const store = new RecordingStore();
  const source = await store.source(64 * MIB);
  for (const quickestMs of [3, 30]) {
    const clock = new FakeClock();
    const fill = new BackgroundFill(cache, clock);
    for (let i = 0; i < 100; i++) {
      const waitedMs = i === 4 ? quickestMs : 40;
      await clock.advance(waitedMs);
      fill.missed(source, i, waitedMs);
    }
    assert.equal(store.ranges.length > 0, quickestMs === 30);
  }
});
