import assert from "node:assert/strict";
import type { ObjectSource } from "../cache/object_source.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { OpenLocalFiles } from "./local_file.ts";
import { DamagedStagingFileError, StagingArea } from "./staging_area.ts";
import type { ReadBase } from "./read_base.ts";

const never = new AbortController().signal;
const noBase: ReadBase = () => assert.fail("nothing of a base is needed");

async function withArea(body: (area: StagingArea, directory: string) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await body(new StagingArea(directory), directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const names = (directory: string) => [...Deno.readDirSync(directory)].map(({ name }) => name);
const text = (bytes: readonly Uint8Array[]) =>
  bytes.map((part) => new TextDecoder().decode(part)).join("");

Deno.test("StagingArea deletes a discarded file and leaves a released one", async () => {
  await withArea(async (area, directory) => {
    const kept = area.create(undefined);
    kept.write(new TextEncoder().encode("precious"), 0);
    const gone = area.create(undefined);
    assert.equal(area.count, 2);
    area.discard(gone);
    await area.datasync(kept);
    const name = area.nameOf(kept);
    area.release(kept);
    assert.equal(area.count, 0);
    assert.deepEqual(names(directory), [name]);
    assert.equal(await Deno.readTextFile(area.pathOf(name)!), "precious");
    assert.equal(area.pathOf("another"), undefined);
  });
});

Deno.test("StagingArea restores a file of an earlier run by what the journal says of it", async () => {
  await withArea(async (area) => {
    const before = area.create(undefined);
    before.write(new TextEncoder().encode("0123456789"), 0);
    before.toDisk();
    const layout = before.layout();
    // After the journal was told: not acknowledged.
    before.write(new TextEncoder().encode("more"), 10);
    const name = area.nameOf(before);
    area.release(before);
    const after = area.restore(name, undefined, layout);
    assert.equal(after.size, 10);
    assert.equal(text(await after.read(0, 100, noBase, never)), "0123456789");
    assert.equal(area.nameOf(after), name);
    area.discard(after);
    assert.equal(area.count, 0);
  });
});

Deno.test("StagingArea restores what was written over a base, and only that", async () => {
  await withArea(async (area) => {
    const base = new TextEncoder().encode("abcdefghij");
    const source: ObjectSource = {
      store: new MemoryStore(),
      id: 1,
      key: "k",
      etag: "e",
      size: base.length,
    };
    const readBase: ReadBase = (_source, offset, size) => [base.slice(offset, offset + size)];
    const before = area.create(source);
    before.write(new TextEncoder().encode("XY"), 3);
    const layout = before.layout();
    // In the local file, but not in the layout: the base counts there.
    before.write(new TextEncoder().encode("zz"), 7);
    const name = area.nameOf(before);
    area.release(before);
    const after = area.restore(name, source, layout);
    assert.equal(text(await after.read(0, 100, readBase, never)), "abcXYfghij");
    area.discard(after);
  });
});

Deno.test("StagingArea refuses a file that is missing or shorter than the journal says", async () => {
  await withArea(async (area) => {
    const file = area.create(undefined);
    file.write(new Uint8Array(10), 0);
    file.toDisk();
    const layout = file.layout();
    const name = area.nameOf(file);
    const path = area.pathOf(name)!;
    area.release(file);
    await Deno.truncate(path, 9);
    assert.throws(() => area.restore(name, undefined, layout), DamagedStagingFileError);
    await Deno.remove(path);
    assert.throws(() => area.restore(name, undefined, layout), DamagedStagingFileError);
    assert.equal(area.count, 0);
  });
});

Deno.test("StagingArea tells which files the journal does not know", async () => {
  await withArea(async (area, directory) => {
    const files = [1, 2, 3].map(() => area.create(undefined));
    const [known, ...unknown] = files.map((file) => area.nameOf(file));
    for (const file of files) {
      file.toDisk();
      area.release(file);
    }
    await Deno.mkdir(`${directory}/sub`);
    const paths = unknown.map((name) => `${directory}/${name}`);
    assert.deepEqual(area.unknownFiles(new Set([known!])).sort(), paths.sort());
    assert.equal(names(directory).length, 4, "it leaves them");
  });
});

Deno.test("StagingArea shares descriptors with the others of the process", async () => {
  const open = new OpenLocalFiles();
  await withArea(async (_, one) => {
    await withArea((_, other) => {
      const areas = [one, other].map((directory) => new StagingArea(directory, undefined, open));
      const files = areas.flatMap((area) => {
        area.keepOnDisk();
        return Array.from({ length: 200 }, () => ({ area, file: area.create(undefined) }));
      });
      assert.equal(open.count, 256);
      for (const { area, file } of files) area.discard(file);
      assert.equal(open.count, 0);
      return Promise.resolve();
    });
  });
});
