/** When blocks are written to the disk. */
import assert from "node:assert/strict";
import { DiskRig, putSource } from "../../../tests/support/disk_rig.ts";
import { SeededRandom } from "../../../tests/support/seeded_random.ts";
import { withDirectory } from "../../../tests/support/temp_directory.ts";
import { nextTurn } from "../../base/clock.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";
import { BLOCK_SIZE } from "../block.ts";

const never = new AbortController().signal;
const SMALL = 1000;

Deno.test("Small contents are written when no more of them come, others at once", () =>
  withDirectory(async (directory) => {
    const rig = await DiskRig.start({ directory });
    const store = rig.add(new MemoryStore());
    const random = new SeededRandom(1);
    const large = await putSource(store, "large", random.bytes(BLOCK_SIZE + 1));
    const small = await Promise.all(
      ["a", "b", "c"].map((key) => putSource(store, key, random.bytes(SMALL))),
    );
    for (const source of small) await rig.blocks.read(source, 0, 1, never);
    await rig.blocks.read(large, 0, 2, never);
    await rig.saved(large);
    assert.deepEqual(small.map((source) => rig.blocks.hasOnDisk(source, 0)), [false, false, false]);
    for (const source of small) await rig.saved(source);
    await rig.close();
  }));

Deno.test("Small contents that wait are written when the cache is closed", () =>
  withDirectory(async (directory) => {
    const bytes = new SeededRandom(2).bytes(SMALL);
    const store = new MemoryStore();
    const rig = await DiskRig.start({ directory });
    rig.add(store);
    const source = await putSource(store, "a", bytes);
    await rig.blocks.read(source, 0, 1, never);
    await nextTurn();
    assert.equal(rig.blocks.hasOnDisk(source, 0), false);
    await rig.close();
    const again = await DiskRig.start({ directory });
    again.add(store);
    assert.equal(again.blocks.hasOnDisk(source, 0), true);
    await again.check(source, bytes);
    assert.equal(store.counts.get, 1);
    await again.close();
  }));

Deno.test("A small content that comes again while it waits is written once", () =>
  withDirectory(async (directory) => {
    const rig = await DiskRig.start({ directory, memoryBytes: 2 * SMALL });
    const store = rig.add(new MemoryStore());
    const random = new SeededRandom(3);
    const sources = await Promise.all(
      ["a", "b", "c"].map((key) => putSource(store, key, random.bytes(SMALL))),
    );
    // "a" leaves memory for the others, and comes back.
    for (const index of [0, 1, 2, 0]) await rig.blocks.read(sources[index]!, 0, 1, never);
    await rig.saved(sources[0]!);
    assert.equal(rig.disk.usedBytes() % 4096, 0);
    rig.blocks.checkInvariants();
    await rig.close();
  }));
