import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { diedBeforeAnswer } from "../../tests/support/journalled_volume.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import type { BlockDisk } from "../cache/block_disk.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { MemoryStore } from "../s3/stores/memory.ts";

Deno.test("ReadFile reads after a restart a file of which an edit arrived but was not noted", async () => {
  await using volume = new MemoryVolume({ durability: "journal" });
  await volume.putObject("f", "x".repeat(24 * 2 ** 20));
  const file = await volume.open("f");
  volume.writeOpen(file, "abc", 3);
  await volume.close(file);
  await using next = await diedBeforeAnswer(volume, "completeMultipart");
  assert.equal((await next.read("f")).slice(0, 8), "xxxabcxx");
  await next.fs.drain(context.signal);
  assert.deepEqual(next.journal.entries(), []);
  await volume.fs.close();
});

/** A disk cache that has one version of one object, all bytes the same. */
function diskWith(etag: string, byte: number): BlockDisk {
  const has = (source: ObjectSource) => source.etag === etag;
  return {
    has,
    readNow: (source, offset, end) =>
      has(source) ? new Uint8Array(end - offset).fill(byte) : undefined,
    warm: () => Promise.resolve(),
    willNeed: () => {},
    read: (source, _, target) => {
      target.fill(byte);
      return Promise.resolve(has(source));
    },
    save: (_, __, block) => block.end(),
    adopt: () => false,
    roomFor: () => 0,
  };
}

Deno.test("ReadFile shows one state of a file of which more had arrived than was acknowledged", async () => {
  const store = new MemoryStore();
  const bytes = new Uint8Array(24 * 2 ** 20).fill("x".charCodeAt(0));
  const { etag } = await store.put("f", bytes, {}, context.signal);
  const clock = new FakeClock(Date.now());
  const disk = diskWith(etag, "x".charCodeAt(0));
  await using volume = new MemoryVolume({ durability: "journal", clock, store, disk });
  const file = await volume.open("f");
  volume.writeOpen(file, "abc", 3);
  await volume.fs.fsync(file.ino, file.fh, false, context);
  volume.writeOpen(file, "later", 8);
  await using next = await diedBeforeAnswer(volume, "completeMultipart");
  const shown = (await next.read("f")).slice(0, 16);
  await next.fs.drain(context.signal);
  assert.equal((await next.object("f"))!.slice(0, 16), shown);
  assert.equal((await next.read("f")).slice(0, 16), shown);
  await volume.fs.close();
});
