import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { StagingArea } from "./staging_area.ts";
import type { ReadBase, StagingFile } from "./staging_file.ts";

const never = new AbortController().signal;

async function withArea(body: (area: StagingArea, directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await body(new StagingArea(directory), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function base(bytes: Uint8Array): { source: ObjectSource; read: ReadBase; reads: number[] } {
  const reads: number[] = [];
  const source = { store: new MemoryStore(), id: 1, key: "k", etag: "e", size: bytes.byteLength };
  const read: ReadBase = (_source, offset, size) => {
    reads.push(size);
    return Promise.resolve([bytes.slice(offset, offset + size)]);
  };
  return { source, read, reads };
}

async function contentOf(file: StagingFile, read: ReadBase): Promise<Uint8Array> {
  const parts = await file.read(0, file.size, read, never);
  return new Uint8Array(await new Blob(parts.map((part) => new Uint8Array(part))).arrayBuffer());
}

Deno.test("StagingFile holds what a plain file would after random operations over a base", async () => {
  await withArea(async (area) => {
    await withSeed(async (random) => {
      const bytes = random.bytes(3000);
      const { source, read } = base(bytes);
      const file = area.create(source);
      let model = bytes.slice();
      for (let step = 0; step < 400; step++) {
        const offset = random.below(4000);
        if (random.next() < 0.3) {
          const grown = new Uint8Array(offset);
          grown.set(model.subarray(0, Math.min(offset, model.length)));
          model = grown;
          file.truncate(offset);
        } else {
          const data = random.bytes(random.below(200));
          if (offset + data.length > model.length && data.length > 0) {
            const grown = new Uint8Array(offset + data.length);
            grown.set(model);
            model = grown;
          }
          if (data.length > 0) {
            model.set(data, offset);
            file.write(data, offset);
          }
        }
        assert.equal(file.size, model.length);
        const from = random.below(model.length + 1);
        const parts = await file.read(from, 500, read, never);
        const got = await new Blob(parts.map((part) => new Uint8Array(part))).arrayBuffer();
        assert.deepEqual(new Uint8Array(got), model.slice(from, from + 500));
      }
      await file.fetchBase(read, never);
      const target = new Uint8Array(model.length);
      assert.equal(file.readPresent(target, 0), model.length);
      assert.deepEqual(target, model);
      area.discard(file);
    });
  });
});

Deno.test("StagingFile fetches nothing of its base until it is read", async () => {
  await withArea(async (area) => {
    const { source, read, reads } = base(new Uint8Array(100_000).fill(5));
    const file = area.create(source);
    file.write(new Uint8Array(10).fill(9), 50);
    await file.read(50, 10, read, never);
    assert.deepEqual(reads, []);
    const content = await contentOf(file, read);
    assert.equal(content[49], 5);
    assert.equal(content[50], 9);
    assert.equal(content[60], 5);
    area.discard(file);
  });
});

Deno.test("StagingFile keeps what is written while its base is being fetched", async () => {
  await withArea(async (area) => {
    const { source, read } = base(new Uint8Array(1000).fill(5));
    const file = area.create(source);
    const slow: ReadBase = (...args) => {
      file.write(new Uint8Array(10).fill(9), 100);
      return read(...args);
    };
    await file.fetchBase(slow, never);
    const target = new Uint8Array(1000);
    file.readPresent(target, 0);
    assert.equal(target[105], 9);
    assert.equal(target[111], 5);
    area.discard(file);
  });
});

Deno.test("StagingArea leaves an abandoned file with a note, and deletes a discarded one", async () => {
  await withArea(async (area, directory) => {
    const kept = area.create(undefined);
    kept.write(new TextEncoder().encode("precious"), 0);
    const gone = area.create(undefined);
    assert.equal(area.count, 2);
    area.discard(gone);
    const note = { bucket: "b", key: "k", size_bytes: 8, error: "no", at: "2026-01-01T00:00:00Z" };
    const path = await area.abandon(kept, note);
    assert.equal(area.count, 0);
    assert.equal(await Deno.readTextFile(path), "precious");
    assert.deepEqual(JSON.parse(await Deno.readTextFile(`${path}.json`)), note);
    assert.equal([...Deno.readDirSync(directory)].length, 2);
  });
});
