import assert from "node:assert/strict";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import { RecordingStore } from "../../tests/support/recording_store.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { BLOCK_SIZE } from "../cache/block.ts";
import { BlockCache } from "../cache/block_cache.ts";
import { nextSourceId, type ObjectSource } from "../cache/object_source.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { FileReaders } from "./file_readers.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const STEP = 128 * 1024;

async function setUp(size: number, memory = 256 * MIB) {
  const clock = new FakeClock();
  const store = new RecordingStore();
  const source = await store.source(size);
  const readers = new FileReaders(new BlockCache(new MemoryBudget(memory)), clock);
  return { store, source, clock, readers, reader: readers.open() };
}

/** Aborted GETs, in a store that never answers. */
function silentStore() {
  const aborted: string[] = [];
  const store = new MemoryStore({
    hook: ({ method }, signal) => {
      if (method !== "get") return;
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => {
          aborted.push("get");
          reject(signal.reason);
        })
      );
    },
  });
  return { store, aborted };
}

Deno.test("Readahead fetches a small file by one GET at its first read", async () => {
  const { store, source, reader } = await setUp(MIB);
  await reader.read(source, 0, 4096, never);
  assert.deepEqual(store.ranges, [{ start: 0, end: MIB }]);
});

Deno.test("Readahead fetches nothing ahead of who reads the same place again and again", async () => {
  const { store, source, reader } = await setUp(96 * MIB);
  const hot = 100 * BLOCK_SIZE + 4096;
  for (let i = 0; i < 12; i++) {
    await reader.read(source, hot, 4096, never);
    await reader.read(source, (110 + i * i) * BLOCK_SIZE, 4096, never);
  }
  assert.ok(store.ranges.every(({ start, end }) => end - start === BLOCK_SIZE));
  assert.equal(store.ranges.length, 1 + 12);
});

Deno.test("Readahead keeps a growing window ahead of a sequential reader, each byte once", async () => {
  const { store, source, reader } = await setUp(96 * MIB);
  let furthest = 0;
  for (let offset = 0; offset < 96 * MIB; offset += STEP) {
    await reader.read(source, offset, STEP, never);
    const ahead = Math.max(...store.ranges.map((range) => range.end)) - offset;
    furthest = Math.max(furthest, ahead);
    assert.ok(ahead <= MIB + 5 * (offset + STEP) + 2 * BLOCK_SIZE, "not much more than was read");
  }
  assert.equal(store.bytes, 96 * MIB);
  assert.ok(furthest > 60 * MIB, "the window opens");
  const large = store.ranges.filter(({ start, end }) => end - start === 8 * MIB);
  assert.ok(large.length >= 8, "most of it by large GETs");
});

Deno.test("Readahead fetches no more ahead than a slow reader takes in a few seconds", async () => {
  const { store, source, clock, reader } = await setUp(64 * MIB);
  let furthest = 0;
  for (let offset = 0; offset < 16 * MIB; offset += STEP) {
    await reader.read(source, offset, STEP, never);
    furthest = Math.max(furthest, Math.max(...store.ranges.map(({ end }) => end)) - offset);
    await clock.advance(250); // 512 KiB/s
  }
  assert.ok(furthest <= 3 * MIB, `${furthest} bytes ahead`);
});

Deno.test("Readahead takes reads that arrive a little out of order for sequential", async () => {
  const { store, source, reader } = await setUp(32 * MIB);
  for (let pair = 0; pair < 32 * MIB; pair += 2 * STEP) {
    await reader.read(source, pair + (pair === 0 ? 0 : STEP), STEP, never);
    await reader.read(source, pair + (pair === 0 ? STEP : 0), STEP, never);
  }
  assert.equal(store.bytes, 32 * MIB);
  assert.ok(store.ranges.length < 20);
});

Deno.test("Readahead follows four series that alternate, each byte once and by few GETs", async () => {
  const { store, source, reader } = await setUp(64 * MIB);
  for (let offset = 0; offset < 16 * MIB; offset += STEP) {
    for (let part = 0; part < 4; part++) {
      await reader.read(source, part * 16 * MIB + offset, STEP, never);
    }
  }
  assert.equal(store.bytes, 64 * MIB);
  assert.ok(store.ranges.length < 60, `${store.ranges.length} GETs for 512 reads`);
});

Deno.test("Readahead follows a reader that goes backwards, each byte once", async () => {
  const { store, source, reader } = await setUp(32 * MIB + 1000);
  for (let end = source.size; end > 0; end -= STEP) {
    const offset = Math.max(0, end - STEP);
    await reader.read(source, offset, end - offset, never);
  }
  assert.equal(store.bytes, source.size);
  assert.ok(store.ranges.length < 24, `${store.ranges.length} GETs`);
});

Deno.test("Readahead fetches the next of reads at equal steps, and nothing between them", async () => {
  const { store, source, reader } = await setUp(64 * MIB);
  const reads = 32;
  for (let index = 0; index < reads; index++) {
    await reader.read(source, 5000 + index * 2 * MIB, 4096, never);
    await settle();
    const ahead = store.ranges.length - (index + 1);
    assert.equal(ahead, index < 2 ? 0 : Math.min(index - 1, 16, reads - index - 1));
  }
  const expected = Array.from({ length: reads }, (_, index) => ({
    start: index * 2 * MIB,
    end: index * 2 * MIB + BLOCK_SIZE,
  }));
  assert.deepEqual(store.ranges, expected);
});

Deno.test("Readahead stops on random reads, which fetch their own blocks only", async () => {
  const { store, source, reader } = await setUp(64 * MIB);
  const offsets = [40, 3, 57, 20, 33].map((mib) => mib * MIB + 5000);
  for (const offset of offsets) await reader.read(source, offset, 4096, never);
  assert.equal(store.ranges.length, offsets.length);
  assert.equal(store.bytes, offsets.length * BLOCK_SIZE);
});

Deno.test("Readahead cancels what is under way when the reader seeks", async () => {
  const { store, aborted } = silentStore();
  const { etag } = await store.put("key", new Uint8Array(64 * MIB), {}, never);
  const source: ObjectSource = { store, id: nextSourceId(), key: "key", etag, size: 64 * MIB };
  const readers = new FileReaders(new BlockCache(new MemoryBudget(256 * MIB)), new FakeClock());
  const reader = readers.open();
  const givesUp = new AbortController();
  const reads = [reader.read(source, 0, STEP, givesUp.signal)];
  await settle();
  givesUp.abort();
  assert.equal(aborted.length, 0, "the window stays for the next read");
  reads.push(reader.read(source, 40 * MIB, STEP, never));
  await settle();
  assert.equal(aborted.length, 1);
  reader.close();
  for (const read of reads) Promise.resolve(read).catch(() => {});
});

Deno.test("Readahead shares the memory among those who read at the same time", async () => {
  const { store, source, readers } = await setUp(16 * MIB, 32 * MIB);
  const several = Array.from({ length: 8 }, () => readers.open());
  const others = await Promise.all(several.map(async (_, index) => {
    return index === 0 ? source : await store.source(16 * MIB, `key${index}`);
  }));
  for (let offset = 0; offset < 16 * MIB; offset += STEP) {
    for (const [index, reader] of several.entries()) {
      await reader.read(others[index]!, offset, STEP, never);
    }
  }
  assert.equal(store.bytes, 8 * 16 * MIB, "nothing is pushed out before it was read");
});

Deno.test("Readahead fetches what several random reads of one moment want by one GET where it touches", async () => {
  const { store, source, reader } = await setUp(64 * MIB);
  const blocks = [21, 40, 20, 22];
  await Promise.all(blocks.map((index) => reader.read(source, index * BLOCK_SIZE + 9, 100, never)));
  const range = (first: number, count: number) => ({
    start: first * BLOCK_SIZE,
    end: (first + count) * BLOCK_SIZE,
  });
  assert.deepEqual(store.ranges.toSorted((a, b) => a.start - b.start), [
    range(20, 3),
    range(40, 1),
  ]);
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
