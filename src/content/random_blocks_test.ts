import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { QuickDisk } from "../../tests/support/quick_disk.ts";
import { RecordingStore } from "../../tests/support/recording_store.ts";
import { SeededRandom } from "../../tests/support/seeded_random.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { BLOCK_SIZE } from "../cache/block.ts";
import { BlockCache } from "../cache/block_cache.ts";
import type { BlockDisk } from "../cache/block_disk.ts";
import { FileReaders } from "./file_readers.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const BLOCKS = 400;

/** Reads a part of every third block, each once. */
async function readAtRandom(disk?: BlockDisk) {
  const store = new RecordingStore();
  const source = await store.source(3 * BLOCKS * BLOCK_SIZE);
  const budget = new MemoryBudget(384 * MIB);
  const cache = new BlockCache(budget, disk);
  const reader = new FileReaders(cache, new FakeClock()).open();
  let used = 0;
  const random = new SeededRandom(5);
  const left = Array.from({ length: BLOCKS }, (_, i) => 3 * i);
  while (left.length > 0) {
    const [index] = left.splice(random.below(left.length), 1) as [number];
    await reader.read(source, index * BLOCK_SIZE + random.below(9999), 100, never);
    used = Math.max(used, budget.usedBytes);
  }
  reader.close();
  cache.checkInvariants();
  return { store, used };
}

Deno.test("Reads at random keep few of their blocks in memory when the disk has them", async () => {
  const { store, used } = await readAtRandom(new QuickDisk());
  // Some were taken for reads at equal steps.
  assert.ok(used <= 72 * MIB, `${used / MIB} MiB`);
  assert.ok(store.bytes >= 100 * MIB, "each of the blocks was fetched");
});

Deno.test("Reads at random keep their blocks in memory where there is no disk", async () => {
  const { store, used } = await readAtRandom();
  assert.ok(used >= store.bytes - MIB);
});
