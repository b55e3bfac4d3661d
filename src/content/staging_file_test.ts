import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { StagingArea } from "./staging_area.ts";
import type { ReadBase } from "./read_base.ts";
import type { StagingFile } from "./staging_file.ts";

const never = new AbortController().signal;
const noBase: ReadBase = () => assert.fail("there is no base to read");

async function withArea(body: (area: StagingArea) => void | Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await body(new StagingArea(directory));
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

/** Cut, or extended by zeros. */
function resized(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}

async function contentOf(file: StagingFile, read: ReadBase): Promise<Uint8Array> {
  const parts = await file.read(0, file.size, read, never);
  return new Uint8Array(await new Blob(parts.map((part) => new Uint8Array(part))).arrayBuffer());
}

Deno.test("StagingFile is in memory while it is small, and on the disk as it is when it must be", async () => {
  const ways: readonly ((file: StagingFile) => unknown)[] = [
    (file) => file.write(new Uint8Array(1), 65_536),
    (file) => file.truncate(65_537),
    (file) => file.reserve(0, 10),
    (file) => file.datasync(),
    (file) => file.toDisk(),
  ];
  await withArea(async (area) => {
    for (const way of ways) {
      const file = area.create(undefined);
      file.write(new TextEncoder().encode("some text"), 10);
      file.truncate(15);
      assert.equal(file.isOnDisk, false);
      assert.throws(() => Deno.statSync(file.path), Deno.errors.NotFound);
      const before = await contentOf(file, noBase);
      await way(file);
      assert.equal(file.isOnDisk, true);
      const after = await Deno.readFile(file.path);
      assert.deepEqual(after.subarray(0, 15), before);
      assert.deepEqual((await contentOf(file, noBase)).subarray(0, 15), before);
      area.discard(file);
      assert.throws(() => Deno.statSync(file.path), Deno.errors.NotFound);
    }
    area.discard(area.create(undefined));
    assert.equal(area.count, 0);
  });
});

Deno.test("StagingFile knows what of it is as it was in an earlier generation", async () => {
  await withArea((area) => {
    const file = area.create(undefined);
    const MIB = 2 ** 20;
    const part = (index: number) => ({ start: index * 8 * MIB, end: (index + 1) * 8 * MIB });
    const older = area.create(undefined).generation;
    file.truncate(40 * MIB);
    assert.equal(file.isUnchanged(part(4), older), false);
    for (
      const [change, touched] of [
        [() => file.write(new Uint8Array(2), 8 * MIB - 1), [0, 1]],
        [() => file.punchHole(17 * MIB, 1), [2]],
        [() => file.truncate(39 * MIB), [4]],
        [() => file.truncate(25 * MIB), [3, 4]],
        [() => file.write(new Uint8Array(1), 39 * MIB), [4]],
        // So much that it is remembered as a whole.
        [() => file.truncate(2 ** 40), [4, 5, 6]],
      ] as const
    ) {
      const { generation } = file;
      change();
      const changed = [0, 1, 2, 3, 4, 5, 6].filter((at) => !file.isUnchanged(part(at), generation));
      assert.deepEqual(changed.filter((at) => at < 5 || touched.length === 3), [...touched]);
      assert.ok(file.isUnchanged(part(0), file.generation));
    }
    assert.deepEqual([file.has(part(0)), file.has({ start: 0, end: 0 })], [false, true]);
    file.write(new Uint8Array(8 * MIB), 0);
    assert.deepEqual([file.has(part(0)), file.has(part(1))], [true, false]);
    file.close();
  });
});

Deno.test("StagingFile holds what a plain file would after random operations over a base", async () => {
  await withArea(async (area) => {
    await withSeed(async (random) => {
      const bytes = random.bytes(3000);
      const { source, read } = base(bytes);
      const file = area.create(source);
      let model = bytes.slice();
      for (let step = 0; step < 400; step++) {
        const offset = random.below(4000);
        const action = random.next();
        if (action < 0.25) {
          model = resized(model, offset);
          file.truncate(offset);
        } else if (action < 0.35) {
          const length = random.below(500);
          model.fill(0, offset, offset + length);
          file.punchHole(offset, length);
        } else if (action < 0.4) {
          file.promise(file.layout());
        } else if (action < 0.45) {
          const range = { start: offset, end: Math.min(offset + 100, file.size) };
          await file.fetchBase(read, never, range);
        } else {
          const data = random.bytes(1 + random.below(200));
          model = resized(model, Math.max(model.length, offset + data.length));
          model.set(data, offset);
          file.write(data, offset);
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

Deno.test("StagingFile.readMuch reads what is there, also of a file that is cut meanwhile", async () => {
  const MIB = 2 ** 20;
  await withArea(async (area) => {
    const file = area.create(undefined);
    file.write(new Uint8Array(3 * MIB).fill(7), 0);
    // The local file keeps its size.
    file.promise(file.layout());
    const target = new Uint8Array(2 * MIB);
    assert.equal(await file.readMuch(target, MIB), 2 * MIB);
    assert.ok(target.every((byte) => byte === 7));
    const reading = file.readMuch(target, MIB);
    file.truncate(2 * MIB);
    assert.equal(await reading, MIB);
    assert.equal(await file.readMuch(target, MIB), MIB);
    assert.equal(await file.readMuch(target.subarray(0, 10), 2 * MIB - 5), 5);
    area.discard(file);
  });
});

Deno.test("StagingFile reads zeros where it was cut and has grown again, not the base or what was written", async () => {
  await withArea(async (area) => {
    const { source, read } = base(new Uint8Array(1000).fill(5));
    const file = area.create(source);
    file.write(new Uint8Array(100).fill(9), 900);
    file.promise(file.layout());
    file.truncate(500);
    file.truncate(950);
    file.write(new Uint8Array(10).fill(7), 990);
    const content = await contentOf(file, read);
    assert.equal(content.length, 1000);
    assert.deepEqual([...content.subarray(499, 502)], [5, 0, 0]);
    assert.equal(content.subarray(500, 990).every((byte) => byte === 0), true);
    assert.deepEqual([...content.subarray(990)], Array(10).fill(7));
    area.discard(file);
  });
});

Deno.test("StagingFile keeps what was promised although it was cut since", async () => {
  await withArea(async (area) => {
    const written = new TextEncoder().encode("0123456789");
    const file = area.create(undefined);
    file.write(written, 0);
    file.toDisk();
    const layout = file.layout();
    file.promise(layout);
    file.truncate(3);
    file.truncate(0);
    const name = area.nameOf(file);
    area.release(file);
    const restored = area.restore(name, undefined, layout);
    assert.deepEqual(await contentOf(restored, noBase), written);
    area.discard(restored);
  });
});

Deno.test("StagingFile restored from its layout goes on as before, over random operations", async () => {
  await withArea(async (area) => {
    await withSeed(async (random) => {
      const bytes = random.bytes(2000);
      const { source, read } = base(bytes);
      let file = area.create(source);
      let model = bytes.slice();
      for (let step = 0; step < 200; step++) {
        const offset = random.below(3000);
        const action = random.next();
        if (action < 0.3) {
          model = resized(model, offset);
          file.truncate(offset);
        } else if (action < 0.7) {
          const data = random.bytes(1 + random.below(200));
          model = resized(model, Math.max(model.length, offset + data.length));
          model.set(data, offset);
          file.write(data, offset);
        } else {
          const layout = JSON.parse(JSON.stringify(file.layout()));
          const name = area.nameOf(file);
          area.release(file);
          file = area.restore(name, source, layout);
          assert.deepEqual(await contentOf(file, read), model);
        }
      }
      area.discard(file);
    });
  });
});

Deno.test("StagingFile finds data and holes: inherited ranges are data", async () => {
  await withArea((area) => {
    const kib = 1024;
    const { source, reads } = base(new Uint8Array(256 * kib).fill(5));
    const file = area.create(source);
    assert.equal(file.seekData(10), 10);
    assert.equal(file.seekHole(10), 256 * kib);
    file.truncate(1024 * kib);
    file.write(new Uint8Array(64 * kib).fill(9), 512 * kib);
    file.punchHole(64 * kib, 64 * kib);
    assert.equal(file.seekHole(0), 64 * kib);
    assert.equal(file.seekData(64 * kib), 128 * kib);
    assert.equal(file.seekHole(128 * kib), 256 * kib);
    assert.equal(file.seekData(256 * kib), 512 * kib);
    assert.equal(file.seekHole(512 * kib), 576 * kib);
    assert.equal(file.seekData(576 * kib), undefined);
    assert.equal(file.seekHole(1024 * kib - 1), 1024 * kib - 1);
    assert.deepEqual(reads, [], "nothing was fetched for that");
    // What the local file keeps for the journal is not content.
    file.promise(file.layout());
    file.truncate(300 * kib);
    assert.equal(file.seekData(256 * kib), undefined);
    assert.equal(file.seekHole(0), 64 * kib);
    area.discard(file);
  });
});

Deno.test("StagingFile reserves room without changing anything", async () => {
  await withArea(async (area) => {
    const { source, read } = base(new Uint8Array(1000).fill(5));
    const file = area.create(source);
    const { generation } = file;
    file.reserve(0, 2 ** 20);
    assert.equal(file.size, 1000);
    assert.equal(file.generation, generation);
    assert.equal((await contentOf(file, read)).every((byte) => byte === 5), true);
    assert.ok((await Deno.stat(file.path)).blocks! * 512 >= 2 ** 20);
    area.discard(file);
  });
});

Deno.test("StagingFile takes what it inherits from the object that it was uploaded as", async () => {
  await withArea(async (area) => {
    const { source, read } = base(new Uint8Array(1000).fill(5));
    const file = area.create(source);
    file.write(new Uint8Array(10).fill(9), 100);
    const asked: string[] = [];
    const noting: ReadBase = (from, ...rest) => {
      asked.push(`${from.key} ${from.etag}`);
      return read(from, ...rest);
    };
    await contentOf(file, noting);
    file.rebase({ ...source, key: "k2", etag: "e2" });
    assert.equal((await contentOf(file, noting))[105], 9);
    assert.deepEqual([...new Set(asked)], ["k e", "k2 e2"]);
    area.discard(file);
  });
});

Deno.test("StagingFile gives another generation to each content, and none to the same one", async () => {
  await withArea(async (area) => {
    const [a, b] = [area.create(undefined), area.create(undefined)];
    const seen = new Set([a.generation, b.generation]);
    const changes = [
      () => a.write(new Uint8Array(5), 0),
      () => b.write(new Uint8Array(5), 0),
      () => a.truncate(3),
      () => a.punchHole(0, 1),
    ];
    for (const change of changes) {
      change();
      seen.add(a.generation).add(b.generation);
    }
    assert.equal(seen.size, 2 + changes.length);
    const { generation } = a;
    a.truncate(3);
    a.punchHole(3, 10);
    a.promise(a.layout());
    await a.fetchBase(noBase, never);
    assert.equal(a.generation, generation);
    for (const file of [a, b]) area.discard(file);
  });
});
