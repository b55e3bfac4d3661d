import assert from "node:assert/strict";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";

const MIB = 2 ** 20;
const TEXT = "0123456789abcdef".repeat(24 * MIB / 16);

async function withLarge(body: (volume: MemoryVolume) => Promise<void>): Promise<void> {
  await using volume = new MemoryVolume({ durability: "journal", fsync: "remote" });
  const metadata = { mine: "1" };
  const bytes = new TextEncoder().encode(TEXT);
  await volume.store.put("f", bytes, { metadata, contentType: "a/b" }, context.signal);
  await body(volume);
  const edited = `${TEXT.slice(0, 10 * MIB)}edited${TEXT.slice(10 * MIB + 6)}`;
  assert.ok(await volume.object("f") === edited);
  const info = await volume.store.head("f", context.signal);
  assert.equal(info.metadata?.["mine"], "1");
  assert.equal(info.contentType, "a/b");
}

async function edit(volume: MemoryVolume): Promise<void> {
  const file = await volume.open("f");
  volume.writeOpen(file, "edited", 10 * MIB);
  await volume.fs.fsync(file.ino, file.fh, false, context);
  await volume.close(file);
}

Deno.test("an edit of a large object asks once for what its part lacks, and sends the rest by copies", () =>
  withLarge(async (volume) => {
    const commits = volume.journal.commits;
    assert.deepEqual(await volume.calls(() => edit(volume)), {
      list: 1,
      get: 1,
      createMultipart: 1,
      uploadPart: 1,
      uploadPartCopy: 2,
      completeMultipart: 1,
    });
    // Announced, begun, each part, and done: the journal makes one sync of those that come together.
    assert.equal(volume.journal.commits - commits, 6);
  }));

Deno.test("an edit of an object whose bytes are here asks what it says besides", () =>
  withLarge(async (volume) => {
    const file = await volume.open("f");
    for (let at = 0; at < TEXT.length; at += MIB) {
      await volume.fs.read(file.ino, file.fh, at, MIB, context);
    }
    await volume.close(file);
    const { head, get } = await volume.calls(() => edit(volume));
    assert.deepEqual({ head, get }, { head: 1, get: undefined });
  }));
