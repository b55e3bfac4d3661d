import assert from "node:assert/strict";
import {
  allBlocks,
  allocatedBytes,
  DiskRig,
  putSource,
  sourceOf,
} from "../../../tests/support/disk_rig.ts";
import { withSeed } from "../../../tests/support/seeded_random.ts";
import { withDirectory } from "../../../tests/support/temp_directory.ts";
import { nextTurn } from "../../base/clock.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";
import { BLOCK_SIZE, blockCount } from "../block.ts";
import type { ObjectSource } from "../object_source.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
/** What the file system may need for sparse files themselves. */
const SLACK_BYTES = 256 * 1024;

Deno.test("The disk cache drops what was used longest ago, and never exceeds its limit", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const limitBytes = 8 * MIB;
    const rig = await DiskRig.start({ directory, limitBytes });
    rig.add(store);
    const sources: ObjectSource[] = [];
    for (let i = 0; i < 4; i++) {
      sources.push(await rig.keep(store, `key ${i}`, new Uint8Array(2 * MIB).fill(i)));
    }
    // The first is used again, so the second goes.
    assert.ok(await rig.readFromDisk(sources[0]!, 0, 10));
    await rig.keep(store, "another", new Uint8Array(MIB).fill(9));
    assert.deepEqual(
      sources.map((source) => rig.blocks.hasOnDisk(source, 0)),
      [true, false, true, true],
    );
    assert.ok(await allocatedBytes(directory) <= limitBytes + SLACK_BYTES);
    await rig.close();

    const smaller = await DiskRig.start({ directory, limitBytes: 3 * MIB });
    assert.ok(smaller.disk.usedBytes() <= 3 * MIB && smaller.disk.usedBytes() > 0);
    await smaller.close();
  });
});

Deno.test("A mount has its share at most, and leaves the rest of the disk cache alone", async () => {
  await withDirectory(async (directory) => {
    const rig = await DiskRig.start({ directory, limitBytes: 16 * MIB });
    const free = rig.add(new MemoryStore(), "free");
    const bound = rig.add(new MemoryStore(), "bound", 3 * MIB);
    const kept = await rig.keep(free, "kept", new Uint8Array(MIB));
    assert.equal(rig.blocks.diskRoomFor(await putSource(bound, "a", new Uint8Array(1))), 3 * MIB);
    for (let i = 0; i < 5; i++) {
      await rig.keep(bound, `key ${i}`, new Uint8Array(MIB).fill(i));
      assert.ok(rig.disk.usedBytes("bound") <= 3 * MIB);
    }
    assert.equal(rig.disk.usedBytes("bound"), 3 * MIB);
    assert.ok(rig.blocks.hasOnDisk(kept, 0));
    await rig.close();
  });
});

Deno.test("The disk cache gives room back when it is asked to", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const rig = await DiskRig.start({ directory });
    rig.add(store);
    for (let i = 0; i < 4; i++) {
      await rig.keep(store, `key ${i}`, new Uint8Array(MIB).fill(i));
    }
    assert.equal(rig.disk.shrink(MIB + 1), 2 * MIB);
    assert.equal(rig.disk.usedBytes(), 2 * MIB);
    assert.ok(await allocatedBytes(directory) <= 2 * MIB + SLACK_BYTES);
    assert.equal(rig.disk.shrink(100 * MIB), 2 * MIB);
    await rig.close();
  });
});

/** Whatever is read, dropped and restarted: right bytes, within limit and shares, files as accounted. */
Deno.test("The disk cache keeps limit, shares and contents over random work", async () => {
  await withDirectory(async (directory) => {
    await withSeed(async (random) => {
      const limitBytes = 6 * MIB;
      const shareBytes = 2 * MIB;
      const stores = [new MemoryStore(), new MemoryStore()];
      const sources: { source: ObjectSource; fill: number }[] = [];
      for (let i = 0; i < 12; i++) {
        const size = random.pick([1, 5000, BLOCK_SIZE, 3 * BLOCK_SIZE + 7, 20 * BLOCK_SIZE]);
        const bytes = new Uint8Array(size).fill(i + 1);
        sources.push({ source: await putSource(stores[i % 2]!, `key ${i}`, bytes), fill: i + 1 });
      }
      const options = { directory, limitBytes, memoryBytes: 2 * MIB };
      let rig = await DiskRig.start(options);
      const join = () => {
        rig.add(stores[0]!, "free");
        rig.add(stores[1]!, "bound", shareBytes);
      };
      join();
      for (let step = 0; step < 300; step++) {
        const { source, fill } = random.pick(sources);
        const index = random.below(blockCount(source.size));
        switch (random.below(8)) {
          case 0:
            await rig.blocks.fill(source, index, 1 + random.below(8))?.ended;
            break;
          case 1:
            rig.disk.shrink(random.below(MIB));
            break;
          case 2: {
            const offset = random.below(source.size);
            const end = Math.min(source.size, offset + 1 + random.below(BLOCK_SIZE / 2));
            const read = rig.blocks.readFromDisk(source, offset, end);
            assert.ok(read === undefined || read.length === end - offset);
            assert.ok(read?.every((byte) => byte === fill) ?? true, `${source.key} at ${offset}`);
            break;
          }
          case 3:
            if (random.below(4) > 0) break;
            await rig.close();
            if (random.below(2) === 0) await Deno.remove(`${directory}/clean`);
            rig = await DiskRig.start(options);
            join();
            break;
          default: {
            const block = await rig.blocks.read(source, index, 1 + random.below(6), never);
            assert.ok(block.every((byte) => byte === fill), `block ${index} of ${source.key}`);
          }
        }
        if (random.below(3) === 0) await nextTurn();
        rig.blocks.checkInvariants();
        assert.ok(rig.disk.usedBytes() <= limitBytes);
        assert.ok(rig.disk.usedBytes("bound") <= shareBytes);
        if (step % 10 !== 0) continue;
        assert.ok(await allocatedBytes(directory) <= limitBytes + SLACK_BYTES);
      }
      await rig.close();
      const last = await DiskRig.start(options);
      assert.ok(await allocatedBytes(directory) <= last.disk.usedBytes() + SLACK_BYTES);
      await last.close();
    });
  });
});

Deno.test("Contents and shares are accounted to the byte after a restart", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const first = await DiskRig.start({ directory });
    first.add(store, "volume");
    const source = await putSource(store, "key", new Uint8Array(17 * BLOCK_SIZE + 1).fill(3));
    for (const index of [0, 5, 16, 17]) await first.blocks.read(source, index, 1, never);
    await first.saved(source, [0, 5, 16, 17]);
    const used = 3 * BLOCK_SIZE + 4096;
    assert.equal(first.disk.usedBytes("volume"), used);
    await first.close();
    const second = await DiskRig.start({ directory });
    second.add(store, "volume");
    assert.equal(second.disk.usedBytes("volume"), used);
    const again = sourceOf(store, "key", source.etag, source.size);
    assert.deepEqual(
      allBlocks(again).filter((index) => second.blocks.hasOnDisk(again, index)),
      [0, 5, 16, 17],
    );
    await second.close();
  });
});

Deno.test("The disk cache goes by another limit and another share while it is used", async () => {
  await withDirectory(async (directory) => {
    const store = new MemoryStore();
    const rig = await DiskRig.start({ directory, limitBytes: 8 * MIB });
    rig.add(store);
    for (let i = 0; i < 3; i++) {
      await rig.keep(store, `key ${i}`, new Uint8Array(2 * MIB).fill(i));
    }
    rig.disk.setLimit(4 * MIB);
    assert.equal(rig.disk.limitBytes(), 4 * MIB);
    assert.equal(rig.disk.usedBytes(), 4 * MIB);
    rig.disk.setLimit(0);
    assert.equal(rig.disk.usedBytes(), 0);
    await rig.close();
  });
});
