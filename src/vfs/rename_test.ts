import assert from "node:assert/strict";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { TransportError } from "../s3/errors.ts";
import { errnoOf } from "./errno_map.ts";
import { type InodeNumber, ROOT_INODE } from "./file_system.ts";

const failsWith = (errno: string) => (error: unknown) => errnoOf(error) === errno;

async function rename(volume: MemoryVolume, from: string, to: string, flags = 0): Promise<void> {
  const split = (path: string) => {
    const at = path.lastIndexOf("/") + 1;
    return [path.slice(0, at), path.slice(at)] as const;
  };
  const [fromParent, name] = split(from);
  const [toParent, newName] = split(to);
  const ino = (path: string) => path === "" ? Promise.resolve(ROOT_INODE) : volume.ino(path);
  await volume.fs.rename(await ino(fromParent), name, await ino(toParent), newName, flags, context);
}

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
  await assert.rejects(rename(volume, "file", "dir", 2), failsWith("EINVAL"));
});

Deno.test("Rename moves a directory with all keys below it, also those that are hidden", async () => {
  await using volume = new MemoryVolume();
  const keys = ["d/", "d/a", "d/s/b", "d/s/t/c", "d//hidden"];
  for (const key of keys) await volume.putObject(key, key);
  await volume.putObject("dd/other", "x");
  await volume.fs.mkdir(ROOT_INODE, "e", 0o755, context);
  const open = await volume.open("d/s/b", 0);
  await rename(volume, "d", "e");
  assert.deepEqual(await volume.keys(), ["dd/other", ...keys.map((k) => "e" + k.slice(1)).sort()]);
  assert.deepEqual(await volume.list(""), ["dd", "e"]);
  assert.deepEqual(await volume.list("e/s"), ["b", "t"]);
  assert.equal(await volume.read("e/s/t/c"), "d/s/t/c");
  assert.equal(await volume.readOpen(open), "d/s/b");
  await volume.close(open);
});

Deno.test("Rename of a directory that fails leaves the old tree whole and no copies behind", async () => {
  await using volume = new MemoryVolume();
  const keys = Array.from({ length: 30 }, (_, i) => `d/f${String(i).padStart(2, "0")}`);
  for (const key of keys) await volume.putObject(key, key);
  await volume.list("d");
  volume.store.hook = ({ method, key }) => {
    if (method !== "copy" || !key?.endsWith("f17")) return;
    throw new TransportError("reset", { operation: "CopyObject", bucket: "b" });
  };
  await assert.rejects(rename(volume, "d", "e"), failsWith("EIO"));
  assert.deepEqual(await volume.keys(), keys);
  assert.deepEqual(await volume.list(""), ["d"]);
  assert.equal(await volume.read("d/f03"), "d/f03");
});

Deno.test("Rename of a directory takes along what is written in it meanwhile", async () => {
  await using volume = new MemoryVolume();
  for (let i = 0; i < 5; i++) await volume.putObject(`d/f${i}`, "x");
  await volume.write("d/late", "early");
  const file = await volume.open("d/late");
  volume.fs.write(file.ino, file.fh, 0, new TextEncoder().encode("later"), context);
  let once = true;
  volume.store.hook = async ({ method }) => {
    if (method !== "copy" || !once) return;
    once = false;
    await volume.fs.flush(file.ino, file.fh, context);
  };
  await rename(volume, "d", "e");
  await volume.close(file);
  assert.equal(await volume.object("e/late"), "later");
  assert.equal((await volume.keys()).some((key) => key.startsWith("d/")), false);
});
