import assert from "node:assert/strict";
import { MemoryBudget } from "../base/memory_budget.ts";
import { BLOCK_SIZE, BlockCache } from "../cache/block_cache.ts";
import { nextSourceId, type ObjectSource } from "../cache/object_source.ts";
import type { GetOptions, ObjectBody } from "../s3/object_store.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { FileReader } from "./file_reader.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;

/** Remembers the ranges of all GETs. */
class RecordingStore extends MemoryStore {
  readonly ranges: { start: number; end: number }[] = [];
  override get(key: string, options: GetOptions, signal: AbortSignal): Promise<ObjectBody> {
    this.ranges.push(options.range!);
    return super.get(key, options, signal);
  }
}

async function setUp(size: number) {
  const clock = new FakeClock();
  const store = new RecordingStore();
  const { etag } = await store.put("key", new Uint8Array(size), {}, never);
  const source: ObjectSource = { store, id: nextSourceId(), key: "key", etag, size };
  const cache = new BlockCache(new MemoryBudget(256 * MIB));
  return { store, source, clock, reader: new FileReader(cache, clock) };
}

const bytesOf = (ranges: { start: number; end: number }[]) =>
  ranges.reduce((sum, { start, end }) => sum + end - start, 0);

Deno.test("Readahead fetches a small file by one GET at its first read", async () => {
  const { store, source, reader } = await setUp(MIB);
  await reader.read(source, 0, 4096, never);
  assert.deepEqual(store.ranges, [{ start: 0, end: MIB }]);
});

Deno.test("Readahead keeps a growing window ahead of a sequential reader, each byte once", async () => {
  const { store, source, reader } = await setUp(64 * MIB);
  let furthest = 0;
  for (let offset = 0; offset < 64 * MIB; offset += 128 * 1024) {
    await reader.read(source, offset, 128 * 1024, never);
    const ahead = Math.max(...store.ranges.map((range) => range.end)) - offset;
    furthest = Math.max(furthest, ahead);
    assert.ok(ahead <= MIB + 2 * (offset + 128 * 1024) + 2 * BLOCK_SIZE, "no more than twice read");
  }
  assert.equal(bytesOf(store.ranges), 64 * MIB);
  assert.ok(furthest > 16 * MIB, "the window opens");
  const large = store.ranges.filter(({ start, end }) => end - start === 8 * MIB);
  assert.ok(large.length >= 2, "most of it by large GETs");
});

Deno.test("Readahead fetches no more ahead than a slow reader takes in a few seconds", async () => {
  const { store, source, clock, reader } = await setUp(64 * MIB);
  let furthest = 0;
  for (let offset = 0; offset < 16 * MIB; offset += 128 * 1024) {
    await reader.read(source, offset, 128 * 1024, never);
    furthest = Math.max(furthest, Math.max(...store.ranges.map(({ end }) => end)) - offset);
    clock.advance(250); // 512 KiB/s
  }
  assert.ok(furthest <= 3 * MIB, `${furthest} bytes ahead`);
});

Deno.test("Readahead takes reads that arrive a little out of order for sequential", async () => {
  const { store, source, reader } = await setUp(32 * MIB);
  const step = 128 * 1024;
  for (let pair = 0; pair < 32 * MIB; pair += 2 * step) {
    await reader.read(source, pair + (pair === 0 ? 0 : step), step, never);
    await reader.read(source, pair + (pair === 0 ? step : 0), step, never);
  }
  assert.equal(bytesOf(store.ranges), 32 * MIB);
  assert.ok(store.ranges.length < 20);
});

Deno.test("Readahead stops on random reads, which fetch their own blocks only", async () => {
  const { store, source, reader } = await setUp(64 * MIB);
  const offsets = [40, 3, 57, 20, 33].map((mib) => mib * MIB + 5000);
  for (const offset of offsets) await reader.read(source, offset, 4096, never);
  assert.equal(store.ranges.length, offsets.length);
  assert.equal(bytesOf(store.ranges), offsets.length * BLOCK_SIZE);
});

Deno.test("FileReader reads across blocks and not past the end", async () => {
  const { source, reader } = await setUp(BLOCK_SIZE + 10);
  const views = await reader.read(source, BLOCK_SIZE - 5, 100, never);
  assert.deepEqual(views.map((view) => view.byteLength), [5, 10]);
  assert.deepEqual(await reader.read(source, BLOCK_SIZE + 10, 100, never), []);
  assert.ok(!(reader.read(source, 0, 10, never) instanceof Promise), "at once when in memory");
});

Deno.test("FileReader begins anew with another content of the file", async () => {
  const { store, source, reader } = await setUp(MIB);
  await reader.read(source, 0, 10, never);
  const { etag } = await store.put("key", new Uint8Array(MIB).fill(7), {}, never);
  const second: ObjectSource = { ...source, id: nextSourceId(), etag };
  const [view] = await reader.read(second, 0, 10, never);
  assert.equal(view?.[0], 7);
});
