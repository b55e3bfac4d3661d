import assert from "node:assert/strict";
import {
  allBlocks,
  allocatedBytes,
  DiskRig,
  putSource,
  sourceOf,
} from "../../../tests/support/disk_rig.ts";
import { SeededRandom } from "../../../tests/support/seeded_random.ts";
import { withDirectory } from "../../../tests/support/temp_directory.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";
import { BLOCK_SIZE } from "../block.ts";
import type { ObjectSource } from "../object_source.ts";

const never = new AbortController().signal;
const SIZE = 5 * BLOCK_SIZE + 1000;

/** As a run leaves it that has read one object. */
async function keepOne(
  directory: string,
  store: MemoryStore,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ObjectSource> {
  const rig = await DiskRig.start({ directory });
  const source = await putSource(rig.add(store), "key", bytes);
  await rig.check(source, bytes);
  await rig.saved(source);
  await rig.close();
  return source;
}

/** Files of the cache that hold contents. */
async function contentFiles(directory: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const folder of Deno.readDir(directory)) {
    if (!folder.isDirectory) continue;
    for await (const { name } of Deno.readDir(`${directory}/${folder.name}`)) {
      paths.push(`${directory}/${folder.name}/${name}`);
    }
  }
  return paths;
}

Deno.test("DiskCache keeps blocks over a restart: nothing is fetched again", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(1).bytes(SIZE);
    const source = await keepOne(directory, store, bytes);
    assert.equal(store.counts.get, 1);

    const second = await DiskRig.start({ directory });
    second.add(store);
    const again = sourceOf(store, "key", source.etag, SIZE);
    assert.ok(allBlocks(again).every((index) => !second.blocks.isAbsent(again, index)));
    await second.check(again, bytes);
    assert.equal(store.counts.get, 1);
    assert.equal(second.disk.usedBytes(), 5 * BLOCK_SIZE + 4096);
    second.blocks.checkInvariants();
    await second.close();
  });
});

Deno.test("DiskCache serves small reads from the file, without loading blocks", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(2).bytes(SIZE);
    const rig = await DiskRig.start({ directory });
    const source = await putSource(rig.add(store), "key", bytes);
    assert.equal(await rig.readFromDisk(source, 0, 10), undefined);
    await rig.check(source, bytes);
    await rig.saved(source);
    rig.blocks.drop(source);
    for (
      const [offset, end] of [[0, 10], [4096, 8192], [BLOCK_SIZE - 5, BLOCK_SIZE], [
        SIZE - 1,
        SIZE,
      ]]
    ) {
      const read = await rig.readFromDisk(source, offset!, end!);
      assert.deepEqual(read, bytes.slice(offset, end));
    }
    assert.equal(rig.blocks.has(source, 0), false);
    assert.equal(store.counts.get, 1);
    await rig.close();
  });
});

Deno.test("DiskCache drops a block that is not as it was written, and the block is fetched again", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(3).bytes(SIZE);
    const source = await keepOne(directory, store, bytes);
    const [path] = await contentFiles(directory);
    using file = await Deno.open(path!, { write: true });
    await file.seek(2 * BLOCK_SIZE + 70_000, Deno.SeekMode.Start);
    await file.write(new Uint8Array([1, 2, 3, 4, 5]));

    const second = await DiskRig.start({ directory });
    second.add(store);
    const again = sourceOf(store, "key", source.etag, SIZE);
    assert.equal(
      await second.readFromDisk(again, 2 * BLOCK_SIZE + 69_000, 2 * BLOCK_SIZE + 71_000),
      undefined,
    );
    assert.deepEqual(
      await second.readFromDisk(again, 2 * BLOCK_SIZE + 4096, 2 * BLOCK_SIZE + 8192),
      bytes.slice(2 * BLOCK_SIZE + 4096, 2 * BLOCK_SIZE + 8192),
    );
    await second.check(again, bytes);
    assert.equal(store.counts.get, 2);
    await second.saved(again);
    await second.close();

    const third = await DiskRig.start({ directory });
    third.add(store);
    await third.check(sourceOf(store, "key", source.etag, SIZE), bytes);
    assert.equal(store.counts.get, 2);
    await third.close();
  });
});

Deno.test("DiskCache fetches again what somebody has deleted from its directory", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(4).bytes(SIZE);
    const source = await keepOne(directory, store, bytes);
    for (const path of await contentFiles(directory)) await Deno.remove(path);

    const second = await DiskRig.start({ directory });
    second.add(store);
    const again = sourceOf(store, "key", source.etag, SIZE);
    await second.check(again, bytes);
    assert.equal(store.counts.get, 2);
    await second.saved(again);
    assert.equal(second.disk.usedBytes(), 5 * BLOCK_SIZE + 4096);
    await second.close();

    await Deno.remove(`${directory}/index.db`);
    const third = await DiskRig.start({ directory });
    assert.equal(third.disk.usedBytes(), 0);
    assert.deepEqual(await contentFiles(directory), [], "strangers are deleted");
    await third.close();
  });
});

Deno.test("DiskCache never takes one bucket's content for another's of the same ETag", async () => {
  await withDirectory(async (directory) => {
    const rig = await DiskRig.start({ directory });
    const [one, other] = [rig.add(new MemoryStore(), "one"), rig.add(new MemoryStore(), "other")];
    const bytes = new SeededRandom(5).bytes(1000);
    const source = await putSource(one, "key", bytes);
    await other.put("key", new SeededRandom(6).bytes(1000), {}, never);
    await rig.check(source, bytes);
    await rig.saved(source);
    assert.equal(rig.blocks.hasOnDisk(sourceOf(other, "key", source.etag, 1000), 0), false);
    assert.equal(rig.blocks.hasOnDisk(sourceOf(one, "renamed", source.etag, 1000), 0), true);
    assert.equal(rig.blocks.hasOnDisk(sourceOf(one, "key", '"odd"', 1000), 0), false);
    await rig.close();
  });
});

Deno.test("DiskCache is no worse than its index after a kill: the rest is deleted and fetched again", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const early = new SeededRandom(7).bytes(SIZE);
    const late = new SeededRandom(8).bytes(40 * BLOCK_SIZE);
    const first = await DiskRig.start({ directory });
    const known = await putSource(first.add(store), "known", early);
    const grown = await putSource(store, "grown", late);
    await first.check(known, early);
    await first.blocks.read(grown, 0, 1, never);
    await first.saved(known);
    await first.saved(grown, [0]);
    await first.close();

    // As a kill leaves it: files of a later state beside the index of an earlier one.
    const index = await Deno.readFile(`${directory}/index.db`);
    const second = await DiskRig.start({ directory });
    second.add(store);
    const unknown = await putSource(store, "unknown", new SeededRandom(9).bytes(SIZE));
    await second.blocks.read(unknown, 0, 5, never);
    await second.check(grown, late);
    await second.saved(unknown, [0]);
    await second.saved(grown);
    await second.close();
    await Deno.remove(`${directory}/clean`);
    await Deno.writeFile(`${directory}/index.db`, index);

    const gets = store.counts.get;
    const third = await DiskRig.start({ directory });
    third.add(store);
    assert.equal(third.disk.usedBytes(), 6 * BLOCK_SIZE + 4096);
    assert.ok(await allocatedBytes(directory) <= third.disk.usedBytes() + 128 * 1024);
    await third.check(sourceOf(store, "known", known.etag, SIZE), early);
    assert.equal(store.counts.get, gets);
    await third.check(sourceOf(store, "grown", grown.etag, late.byteLength), late);
    assert.equal(store.counts.get, gets + 1);
    await third.close();
  });
});

Deno.test("DiskCache begins anew when its index is damaged", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(10).bytes(SIZE);
    const source = await keepOne(directory, store, bytes);
    await Deno.writeFile(`${directory}/index.db`, new SeededRandom(11).bytes(20_000));
    const second = await DiskRig.start({ directory });
    second.add(store);
    await second.check(source, bytes);
    assert.equal(store.counts.get, 2);
    await second.saved(source);
    await second.close();
  });
});

Deno.test("DiskCache does without a directory that cannot be used, or that another process has", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(12).bytes(SIZE);
    await Deno.writeTextFile(`${directory}/file`, "");
    const unusable = await DiskRig.start({ directory: `${directory}/file` });
    assert.equal(unusable.open, undefined);
    await unusable.check(await putSource(store, "key", bytes), bytes);
    const first = await DiskRig.start({ directory });
    const second = await DiskRig.start({ directory });
    assert.equal(second.open, undefined);
    await first.close();
  });
});

Deno.test("DiskCache fills the disk with little memory, and reads then need no request", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(13).bytes(20 * BLOCK_SIZE);
    const rig = await DiskRig.start({ directory });
    const source = await putSource(rig.add(store), "key", bytes);
    assert.equal(rig.blocks.diskRoomFor(source), 64 * 2 ** 20);
    const fill = rig.blocks.fill(source, 0, 8)!;
    assert.deepEqual([fill.firstIndex, fill.count, fill.done], [0, 8, false]);
    await fill.ended;
    assert.equal(fill.done, true);
    assert.equal(rig.budget.usedBytes, 0);
    assert.ok(rig.blocks.hasOnDisk(source, 7) && rig.blocks.isAbsent(source, 8));
    const rest = rig.blocks.fill(source, 0, 100)!;
    assert.deepEqual([rest.firstIndex, rest.count], [8, 12]);
    await rest.ended;
    assert.equal(rig.blocks.fill(source, 0, 100), undefined);
    await rig.check(source, bytes);
    assert.equal(store.counts.get, 2);
    await rig.close();
  });
});

Deno.test("DiskCache clears one mount's blocks, or all", async () => {
  await withDirectory(async (directory) => {
    const rig = await DiskRig.start({ directory });
    const [one, other] = [rig.add(new MemoryStore(), "one"), rig.add(new MemoryStore(), "other")];
    const bytes = new SeededRandom(14).bytes(SIZE);
    for (const store of [one, other]) {
      const source = await putSource(store, "key", bytes);
      await rig.check(source, bytes);
      await rig.saved(source);
    }
    assert.equal(await rig.disk.clear("one"), 5 * BLOCK_SIZE + 4096);
    assert.equal(rig.disk.usedBytes("one"), 0);
    assert.equal(rig.disk.usedBytes("other"), 5 * BLOCK_SIZE + 4096);
    assert.equal(await rig.disk.clear(), 5 * BLOCK_SIZE + 4096);
    assert.deepEqual(await contentFiles(directory), []);
    await rig.close();
  });
});
