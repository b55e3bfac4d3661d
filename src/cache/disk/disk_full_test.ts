/** The disk of the cache is full: reads go on, and what others need is given back. */
import assert from "node:assert/strict";
import { DiskRig, putSource } from "../../../tests/support/disk_rig.ts";
import { nextTurn } from "../../base/clock.ts";
import { StagingArea } from "../../content/staging_area.ts";
import { diskSpace } from "../../ffi/disk_space.ts";
import { MemoryStore } from "../../s3/stores/memory.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const DISK_BYTES = 16 * MIB;
/** A twentieth, but for what the index takes after a block was written. */
const FLOOR_BYTES = DISK_BYTES / 40;

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
if (!isRoot) {
  Deno.stderr.writeSync(
    new TextEncoder().encode("skipped: a full disk: needs root to mount one\n"),
  );
}

/** A file system of its own, of `DISK_BYTES`. */
async function withSmallDisk(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-disk-" });
  await succeed("mount", "-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "none", directory);
  try {
    await use(directory);
  } finally {
    await succeed("umount", "-l", directory);
    await Deno.remove(directory);
  }
}

/** Somebody else takes all that is left. */
async function fill(directory: string): Promise<void> {
  const path = `${directory}/other`;
  await new Deno.Command("dd", { args: ["if=/dev/zero", `of=${path}`, "bs=4k"] }).output();
  assert.ok((await Deno.stat(path)).size > 0);
}

async function succeed(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

Deno.test({
  name: "The disk cache leaves a floor of free space, whatever its limit",
  ignore: !isRoot,
  fn: () =>
    withSmallDisk(async (directory) => {
      const store = new MemoryStore();
      const rig = await DiskRig.start({ directory: `${directory}/cache`, limitBytes: 100 * MIB });
      rig.add(store);
      for (let i = 0; i < 20; i++) {
        const source = await putSource(store, `key ${i}`, new Uint8Array(MIB).fill(i));
        await rig.blocks.read(source, 0, 4, never);
        await rig.saved(source);
        assert.ok(diskSpace(directory).freeBytes >= FLOOR_BYTES);
      }
      // What somebody else writes takes the room of what is cached.
      await fill(directory);
      const late = await putSource(store, "late", new Uint8Array(MIB).fill(99));
      await rig.blocks.read(late, 0, 4, never);
      await rig.saved(late);
      assert.ok(diskSpace(directory).freeBytes >= FLOOR_BYTES);
      await rig.close();
    }),
});

Deno.test({
  name: "A disk that others have filled fails no read, and is used again when there is room",
  ignore: !isRoot,
  fn: () =>
    withSmallDisk(async (directory) => {
      const store = new MemoryStore();
      const rig = await DiskRig.start({ directory: `${directory}/cache`, limitBytes: 100 * MIB });
      rig.add(store);
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
    }),
});

Deno.test({
  name: "What is cached gives way to what was written",
  ignore: !isRoot,
  fn: () =>
    withSmallDisk(async (directory) => {
      const store = new MemoryStore();
      const rig = await DiskRig.start({ directory: `${directory}/cache`, limitBytes: 100 * MIB });
      rig.add(store);
      for (let i = 0; i < 10; i++) {
        const source = await putSource(store, `key ${i}`, new Uint8Array(MIB).fill(i));
        await rig.blocks.read(source, 0, 4, never);
        await rig.saved(source);
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
    }),
});

Deno.test({
  name: "A read-only disk is done without",
  ignore: !isRoot,
  fn: () =>
    withSmallDisk(async (directory) => {
      const store = new MemoryStore();
      const bytes = new Uint8Array(MIB).fill(7);
      const source = await putSource(store, "key", bytes);
      const first = await DiskRig.start({ directory: `${directory}/cache` });
      first.add(store);
      await first.check(source, bytes);
      await first.saved(source);
      await first.close();
      await succeed("mount", "-o", "remount,ro", directory);
      const second = await DiskRig.start({ directory: `${directory}/cache` });
      assert.equal(second.open, undefined);
      await second.check(source, bytes);
      await second.close();
    }),
});
