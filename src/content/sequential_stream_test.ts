/** What a long file that is read in sequence takes of the memory; the disk is a stub here. */
import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { QuickDisk } from "../../tests/support/quick_disk.ts";
import { RecordingStore } from "../../tests/support/recording_store.ts";
import { nextTurn } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { BLOCK_SIZE } from "../cache/block.ts";
import { BlockCache } from "../cache/block_cache.ts";
import type { BlockDisk } from "../cache/block_disk.ts";
import { FileReaders } from "./file_readers.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const SIZE = 288 * MIB;
/** What is fetched ahead at most, what is kept behind, and a GET. */
const MEMORY_MAX = (128 + 64 + 8) * MIB;

async function readAll(direction: "forward" | "backward", disk?: BlockDisk) {
  const store = new RecordingStore();
  const source = await store.source(SIZE);
  const budget = new MemoryBudget(384 * MIB);
  const cache = new BlockCache(budget, disk);
  const reader = new FileReaders(cache, new FakeClock()).open();
  let used = 0;
  let least = Infinity;
  for (let at = 0; at < SIZE; at += MIB) {
    const offset = direction === "forward" ? at : SIZE - at - MIB;
    const views = await reader.read(source, offset, MIB, never);
    assert.equal(views.reduce((sum, view) => sum + view.byteLength, 0), MIB);
    // All that was asked for comes.
    do await nextTurn(); while (cache.usage().usedBytes < budget.usedBytes);
    used = Math.max(used, budget.usedBytes);
    if (at >= 64 * MIB && at < SIZE - 96 * MIB) least = Math.min(least, store.bytes - at);
  }
  reader.close();
  cache.checkInvariants();
  return { store, source, cache, used, least };
}

for (const direction of ["forward", "backward"] as const) {
  Deno.test(`A long file read ${direction} leaves its blocks to the disk, each byte fetched once`, async () => {
    const { store, source, cache, used, least } = await readAll(direction, new QuickDisk());
    assert.equal(store.bytes, SIZE);
    assert.ok(used <= MEMORY_MAX, `${used / MIB} MiB of memory`);
    assert.ok(least <= 66 * MIB, `no more is asked for while ${least / MIB} MiB are there`);
    const last = SIZE / BLOCK_SIZE - 1;
    const [early, late] = direction === "forward" ? [8, last] : [last - 8, 0];
    assert.ok(!cache.has(source, early) && cache.isPresent(source, late));
  });
}

Deno.test("A long file read in sequence stays in memory where there is no disk", async () => {
  const { store, source, cache } = await readAll("forward");
  assert.equal(store.bytes, SIZE);
  assert.ok(cache.isPresent(source, 0));
});
