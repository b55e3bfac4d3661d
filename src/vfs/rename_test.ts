import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { type InodeNumber, ROOT_INODE } from "./file_system.ts";

const EXCHANGE = 2;
const WHITEOUT = 4;

const rename = (volume: MemoryVolume, from: string, to: string, flags = 0) =>
  volume.rename(from, to, flags);

Deno.test("Rename moves a file by copy and delete, over another one too", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("a", "A");
  await volume.putObject("d/b", "B");
  const gets = volume.store.counts.get;
  await rename(volume, "a", "d/b");
  assert.deepEqual(await volume.keys(), ["d/b"]);
  assert.equal(volume.store.counts.get, gets, "no transfer");
  assert.equal(await volume.read("d/b"), "A");
  assert.deepEqual(await volume.list(""), ["d"]);
});

Deno.test("Rename keeps the mtime, which S3's copy does not", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("a", "A");
  const before = (await volume.entry("a")).attr!.mtime;
  await rename(volume, "a", "b");
  assert.deepEqual((await volume.entry("b")).attr!.mtime, before);
});

Deno.test("Rename keeps an open file readable, under its new name", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("a", "A");
  const file = await volume.open("a", 0);
  await rename(volume, "a", "b");
  assert.equal(await volume.readOpen(file), "A");
  await volume.close(file);
});

Deno.test("Rename of a file being written makes it appear under its new name only", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("target", "old");
  const created = await volume.fs.create(ROOT_INODE, "temp", 0o644, 2, context);
  const file = { ino: created.entry.ino as InodeNumber, fh: created.open.fh };
  volume.fs.write(file.ino, file.fh, 0, new TextEncoder().encode("new"), context);
  await rename(volume, "temp", "target");
  assert.deepEqual(await volume.list(""), ["target"]);
  await volume.close(file);
  assert.deepEqual(await volume.keys(), ["target"]);
  assert.equal(await volume.object("target"), "new");
});

Deno.test("Rename refuses what rename(2) refuses", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("file", "x");
  await volume.putObject("dir/sub/x", "x");
  await volume.fs.mkdir(ROOT_INODE, "empty", 0o755, context);
  await assert.rejects(rename(volume, "none", "x"), failsWith("ENOENT"));
  await assert.rejects(rename(volume, "file", "dir"), failsWith("EISDIR"));
  await assert.rejects(rename(volume, "dir", "file"), failsWith("ENOTDIR"));
  await assert.rejects(rename(volume, "empty", "dir"), failsWith("ENOTEMPTY"));
  await assert.rejects(rename(volume, "dir", "dir/sub/dir"), failsWith("EINVAL"));
  await assert.rejects(rename(volume, "file", "dir", 1), failsWith("EEXIST"));
  await assert.rejects(rename(volume, "file", "none", EXCHANGE), failsWith("ENOENT"));
  await assert.rejects(rename(volume, "dir/sub", "dir", EXCHANGE), failsWith("EINVAL"));
  await assert.rejects(rename(volume, "file", "other", WHITEOUT), failsWith("EINVAL"));
  await assert.rejects(rename(volume, "file", "other", 3), failsWith("EINVAL"));
  assert.deepEqual(await volume.list(""), ["dir", "empty", "file"]);
});
