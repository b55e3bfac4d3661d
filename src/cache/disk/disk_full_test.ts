/** The disk of the cache is full: reads go on, and what others need is given back. */
import assert from "node:assert/strict";
import { DiskRig, putSource } from "../../../tests/support/disk_rig.ts";
import { smallDiskTest } from "../../../tests/support/small_disk.ts";
import { nextTurn } from "../../base/clock.ts";
import { StagingArea } from "../../content/staging_area.ts";
import { diskSpace } from "../../ffi/disk_space.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const DISK_BYTES = 16 * MIB;
/** A twentieth, but for what the index takes after a block was written. */
const FLOOR_BYTES = DISK_BYTES / 40;

/** Somebody else takes all that is left. */
async function fill(directory: string): Promise<void> {
  const path = `${directory}/other`;
  await new Deno.Command("dd", { args: ["if=/dev/zero", `of=${path}`, "bs=4k"] }).output();
  assert.ok((await Deno.stat(path)).size > 0);
}

/** A rig whose limit is more than the disk has. */
async function start(directory: string) {
  const rig = await DiskRig.start({ directory: `${directory}/cache`, limitBytes: 100 * MIB });
  return { rig, store: rig.add(new MemoryStore()) };
}

smallDiskTest(
  "The disk cache leaves a floor of free space, whatever its limit",
  DISK_BYTES,
  async ({ directory }) => {
    const { rig, store } = await start(directory);
    for (let i = 0; i < 20; i++) {
      await rig.keep(store, `key ${i}`, new Uint8Array(MIB).fill(i));
      assert.ok(diskSpace(directory).freeBytes >= FLOOR_BYTES);
    }
    // What somebody else writes takes the room of what is cached.
    await fill(directory);
    await rig.keep(store, "late", new Uint8Array(MIB).fill(99));
    assert.ok(diskSpace(directory).freeBytes >= FLOOR_BYTES);
    await rig.close();
  },
);

smallDiskTest(
  "A disk that others have filled fails no read, and is used again when there is room",
  DISK_BYTES,
  async ({ directory }) => {
    const { rig, store } = await start(directory);
    await fill(directory);
    const bytes = new Uint8Array(MIB).fill(7);
    const source = await putSource(store, "key", bytes);
    await rig.check(source, bytes);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    assert.equal(rig.disk.usedBytes(), 0);
    await Deno.remove(`${directory}/other`);
    rig.blocks.drop(source);
    await rig.check(source, bytes);
    await rig.saved(source);
    await rig.close();
  },
);

smallDiskTest("What is cached gives way to what was written", DISK_BYTES, async ({ directory }) => {
  const { rig, store } = await start(directory);
  for (let i = 0; i < 10; i++) {
    await rig.keep(store, `key ${i}`, new Uint8Array(MIB).fill(i));
  }
  assert.equal(rig.disk.usedBytes(), 10 * MIB);
  const area = new StagingArea(directory, (bytes) => rig.disk.shrink(bytes) > 0);
  const staged = area.create(undefined);
  for (let i = 0; i < 13; i++) staged.write(new Uint8Array(MIB).fill(i), i * MIB);
  assert.ok(rig.disk.usedBytes() <= 3 * MIB);
  const read = await staged.read(12 * MIB, 10, () => [], never);
  assert.deepEqual(read, [new Uint8Array(10).fill(12)]);
  assert.throws(() => {
    for (let i = 13; i < 20; i++) staged.write(new Uint8Array(MIB), i * MIB);
  }, { errno: "ENOSPC" });
  area.discard(staged);
  await rig.close();
});

smallDiskTest("A read-only disk is done without", DISK_BYTES, async ({ directory, remount }) => {
  const store = new MemoryStore();
  const bytes = new Uint8Array(MIB).fill(7);
  const source = await putSource(store, "key", bytes);
  const first = await DiskRig.start({ directory: `${directory}/cache` });
  first.add(store);
  await first.check(source, bytes);
  await first.saved(source);
  await first.close();
  await remount("ro");
  const second = await DiskRig.start({ directory: `${directory}/cache` });
  assert.equal(second.open, undefined);
  await second.check(source, bytes);
  await second.close();
});
