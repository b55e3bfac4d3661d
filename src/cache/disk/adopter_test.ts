import assert from "node:assert/strict";
import { allocatedBytes, DiskRig, putSource, sourceOf } from "../../../tests/support/disk_rig.ts";
import { SeededRandom } from "../../../tests/support/seeded_random.ts";
import { withDirectory } from "../../../tests/support/temp_directory.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";
import { BLOCK_SIZE } from "../block.ts";

const MIB = 2 ** 20;

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("A file that was adopted is read without a request, also after a restart", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const bytes = new SeededRandom(1).bytes(17 * BLOCK_SIZE + 5);
    const source = await putSource(store, "key", bytes);
    const path = `${directory}/staged`;
    // With something behind the end, that is not part of the content.
    await Deno.writeFile(path, bytes);
    await Deno.writeFile(path, new Uint8Array(9 * MIB), { append: true });
    const first = await DiskRig.start({ directory: `${directory}/cache` });
    first.add(store);
    assert.equal(first.blocks.adopt(source, path), true);
    assert.equal(await exists(path), false);
    await first.saved(source);
    assert.equal(first.disk.usedBytes(), 17 * BLOCK_SIZE + 4096);
    assert.ok(await allocatedBytes(`${directory}/cache`) <= 17 * BLOCK_SIZE + 128 * 1024);
    await first.check(source, bytes);
    await first.close();
    const second = await DiskRig.start({ directory: `${directory}/cache` });
    second.add(store);
    await second.check(sourceOf(store, "key", source.etag, bytes.length), bytes);
    assert.equal(store.counts.get, 0);
    await second.close();
  });
});

Deno.test("A file that does not fit, is there already or has no ETag stays where it is", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const rig = await DiskRig.start({ directory: `${directory}/cache`, limitBytes: 8 * MIB });
    rig.add(store);
    const path = `${directory}/staged`;
    await Deno.writeFile(path, new Uint8Array(3 * MIB));
    const large = await putSource(store, "large", new Uint8Array(3 * MIB));
    assert.equal(rig.blocks.adopt(large, path), false);
    const bytes = new Uint8Array(MIB).fill(1);
    await Deno.writeFile(path, bytes);
    assert.equal(rig.blocks.adopt(sourceOf(store, "key", "", MIB), path), false);
    const source = await putSource(store, "key", bytes);
    assert.equal(
      rig.blocks.adopt(sourceOf(new MemoryStore(), "key", source.etag, MIB), path),
      false,
    );
    await rig.check(source, bytes);
    await rig.saved(source);
    assert.equal(rig.blocks.adopt(source, path), false);
    assert.equal(await exists(path), true);
    assert.equal(rig.disk.usedBytes(), MIB);
    await rig.close();
  });
});

Deno.test("What could not be entered before the end is given back to the disk", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const rig = await DiskRig.start({ directory: `${directory}/cache` });
    rig.add(store);
    for (let i = 0; i < 5; i++) {
      const bytes = new Uint8Array(MIB).fill(i);
      await Deno.writeFile(`${directory}/staged`, bytes);
      const source = await putSource(store, `key ${i}`, bytes);
      assert.equal(rig.blocks.adopt(source, `${directory}/staged`), true);
    }
    await rig.close();
    const next = await DiskRig.start({ directory: `${directory}/cache` });
    assert.ok(await allocatedBytes(`${directory}/cache`) <= next.disk.usedBytes() + 128 * 1024);
    await next.close();
  });
});
