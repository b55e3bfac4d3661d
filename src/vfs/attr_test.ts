import assert from "node:assert/strict";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { ROOT_INODE } from "./file_system.ts";

async function linksOf(volume: MemoryVolume, path = ""): Promise<number> {
  const ino = path === "" ? ROOT_INODE : await volume.ino(path);
  return (await volume.fs.getattr(ino, undefined, context)).attr.nlink;
}

Deno.test("A directory has two links and one for each subdirectory, listed or made here", async () => {
  await using volume = new MemoryVolume({ durability: "journal" });
  for (const key of ["file", "a/", "b/x", "c/"]) await volume.putObject(key);
  assert.equal(await linksOf(volume), 1, "it was not listed yet");
  await volume.list("");
  assert.equal(await linksOf(volume), 5);
  // The kernel knows one of those that are listed, too.
  await volume.ino("a");
  await volume.ino("file");
  assert.equal(await linksOf(volume), 5);
  await volume.mkdir("made");
  await volume.write("written", "x");
  assert.equal(await linksOf(volume), 6);
  for (const name of ["one", "two", "three"]) await volume.mkdir(`made/${name}`);
  assert.equal(await linksOf(volume, "made"), 5);
  await volume.fs.rmdir(ROOT_INODE, "a", context);
  assert.equal(await linksOf(volume), 5);
});

Deno.test("A directory of many subdirectories has one link, which means that they are not counted", async () => {
  await using volume = new MemoryVolume({ durability: "journal" });
  for (let i = 0; i < 201; i++) await volume.putObject(`d${i}/x`);
  await volume.list("");
  assert.equal(await linksOf(volume), 1);
});
