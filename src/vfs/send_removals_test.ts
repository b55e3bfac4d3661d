import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { drain, journalled } from "../../tests/support/journalled_volume.ts";
import { advance, context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { TransportError } from "../s3/errors.ts";
import { ROOT_INODE } from "./file_system.ts";

const MIB = 2 ** 20;
const details = { operation: "any", bucket: "bucket" };

Deno.test("SendRemovals deletes many names of a directory by one LIST and one DeleteObjects", async () => {
  await using volume = journalled();
  const names = Array.from({ length: 200 }, (_, index) => `f${index}`);
  for (const name of names) await volume.putObject(`d/${name}`, name);
  await volume.putObject("d/keep", "x");
  await volume.list("d");
  const calls = await volume.calls(async () => {
    for (const name of names) await volume.unlink(`d/${name}`);
    await drain(volume);
  });
  assert.deepEqual(calls, { list: 1, deleteMany: 1 });
  assert.deepEqual(await volume.keys(), ["d/keep"]);
  assert.deepEqual(await volume.list("d"), ["keep"]);
});

Deno.test("SendRemovals waits while more names are being removed, for some seconds at most", async () => {
  await using volume = journalled();
  const names = Array.from({ length: 20 }, (_, index) => `f${index}`);
  for (const name of names) await volume.putObject(name, name);
  await volume.list("");
  const calls = await volume.calls(async () => {
    for (const name of names.slice(0, 10)) {
      await volume.unlink(name);
      await advance(volume, 300);
    }
    assert.equal((await volume.keys()).length, 20);
    await advance(volume, 1000);
    await until(() => volume.journal.entries().length === 0);
  });
  assert.deepEqual(calls, { list: 1 + 1, deleteMany: 1 });
  for (const name of names.slice(10)) {
    await volume.unlink(name);
    await advance(volume, 900);
  }
  await until(() => volume.store.counts.deleteMany === 2);
  assert.ok(volume.journal.entries().length > 0, "the last ones still wait");
});

Deno.test("SendRemovals deletes more than a thousand names in several requests", async () => {
  await using volume = journalled();
  const names = Array.from({ length: 1500 }, (_, index) => `f${index}`);
  for (const name of names) await volume.putObject(name, "");
  await volume.list("");
  for (const name of names) await volume.unlink(name);
  const { deleteMany } = await volume.calls(() => drain(volume));
  assert.equal(deleteMany, 2);
  assert.deepEqual(await volume.keys(), []);
});

Deno.test("SendRemovals asks for few names one by one, in however long a directory", async () => {
  await using volume = journalled();
  for (let i = 0; i < 4000; i++) await volume.putObject(`f${i}`, "");
  await volume.list("");
  for (const name of ["f1", "f2", "f3", "f4", "f9"]) await volume.unlink(name);
  const calls = await volume.calls(() => drain(volume));
  assert.equal(calls.deleteMany, 1);
  assert.ok((calls.list ?? 0) <= 3, `${calls.list} pages`);
  assert.equal((await volume.list("")).length, 3995);
});

Deno.test("SendRemovals removes a whole tree, the directories last", async () => {
  await using volume = journalled();
  await volume.mkdir("d");
  await volume.mkdir("d/e");
  await volume.write("d/e/f", "x");
  await drain(volume);
  await volume.unlink("d/e/f");
  await volume.fs.rmdir(await volume.ino("d"), "e", context);
  await volume.fs.rmdir(ROOT_INODE, "d", context);
  assert.deepEqual(await volume.list(""), []);
  await drain(volume);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual(await volume.list(""), []);
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("SendRemovals hides removed names however often the directory is listed meanwhile", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock, ttlMs: 0 });
  for (const key of ["f", "d/a", "keep"]) await volume.putObject(key, "x");
  await volume.unlink("f");
  await volume.unlink("d/a");
  await volume.fs.rmdir(ROOT_INODE, "d", context);
  assert.deepEqual(await volume.list(""), ["keep"]);
  assert.equal((await volume.entry("f")).ino, 0);
  assert.equal((await volume.entry("d")).ino, 0);
  await volume.write("f", "new");
  await volume.mkdir("d");
  assert.deepEqual(await volume.list(""), ["d", "f", "keep"]);
  assert.deepEqual(await volume.list("d"), []);
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["d/", "f", "keep"]);
  assert.equal(await volume.object("f"), "new");
});

Deno.test("SendRemovals tries again what failed, and only that", async () => {
  await using volume = journalled();
  for (const key of ["a", "b"]) await volume.putObject(key, "x");
  const deleteMany = volume.store.deleteMany.bind(volume.store);
  let once = true;
  volume.store.deleteMany = async (targets, signal) => {
    const [first, ...rest] = targets;
    if (!once) return await deleteMany(targets, signal);
    once = false;
    const failures = await deleteMany(rest, signal);
    const { key } = first as { key: string };
    return [...failures, { key, code: "InternalError", message: "again, please" }];
  };
  await volume.unlink("a");
  await volume.unlink("b");
  await assert.rejects(drain(volume), /"a".*again, please/);
  assert.deepEqual(volume.fs.uploads().paths, ["a"]);
  await drain(volume);
  assert.deepEqual(await volume.keys(), []);
});

Deno.test("SendRemovals leaves a file made anew during the removal", async () => {
  await using volume = journalled();
  await volume.putObject("f", "old");
  await volume.unlink("f");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "deleteMany") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.deleteMany === 1);
  await volume.write("f", "new");
  held.resolve();
  await drained;
  await drain(volume);
  assert.equal(await volume.object("f"), "new");
  assert.equal(await volume.read("f"), "new");
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("Unlink during an upload leaves no object", async () => {
  await using volume = journalled();
  await volume.write("f", "text");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "put") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.put === 1);
  await volume.unlink("f");
  assert.deepEqual(await volume.list(""), []);
  held.resolve();
  await drained;
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("Unlink during an upload that fails leaves nothing staged", async () => {
  await using volume = journalled();
  await volume.putObject("other", "x");
  await volume.write("f", "text");
  await volume.write("g", "text");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "put") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.put === 3);
  await volume.unlink("f");
  await volume.rename("other", "g");
  held.reject(new TransportError("reset", details));
  await until(() => volume.fs.uploads().failed.length > 0);
  volume.store.hook = undefined;
  await advance(volume, 5000);
  await drained;
  await volume.unlink("g");
  await drain(volume);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("Unlink during a multipart upload ends it and leaves no parts", async () => {
  await using volume = journalled();
  await volume.write("big", "x".repeat(40 * MIB));
  let parts = 0;
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "uploadPart" && ++parts === 2) await held.promise;
  };
  const drained = drain(volume);
  await until(() => parts >= 2);
  await volume.unlink("big");
  held.resolve();
  await drained;
  await advance(volume, 10_000);
  await until(() => volume.store.openUploads === 0 && volume.journal.entries().length === 0);
  assert.equal(volume.store.counts.completeMultipart, 0);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("A large file that is cut after an interrupted upload leaves no parts", async () => {
  await using volume = journalled();
  await volume.write("big", "x".repeat(17 * MIB));
  volume.store.hook = ({ method }) => {
    if (method === "completeMultipart") throw new TransportError("reset", details);
  };
  const abort = new AbortController();
  volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.fs.uploads().failed.length === 1);
  abort.abort();
  volume.store.hook = undefined;
  await volume.fs.setattr(await volume.ino("big"), { size: 3 }, undefined, context);
  await advance(volume, 10_000);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  await advance(volume, 10_000);
  await until(() => volume.store.openUploads === 0 && volume.journal.entries().length === 0);
  assert.equal(await volume.object("big"), "xxx");
});

Deno.test("A large file that grows after an interrupted upload leaves no parts of the first one", async () => {
  await using volume = journalled();
  await volume.write("big", "x".repeat(17 * MIB));
  volume.store.hook = ({ method }) => {
    if (method === "completeMultipart") throw new TransportError("reset", details);
  };
  const abort = new AbortController();
  volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.fs.uploads().failed.length === 1);
  abort.abort();
  volume.store.hook = undefined;
  const file = await volume.open("big");
  volume.writeOpen(file, "y", 30 * MIB);
  await volume.close(file);
  await advance(volume, 10_000);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  await advance(volume, 10_000);
  await until(() => volume.store.openUploads === 0 && volume.journal.entries().length === 0);
  assert.equal((await volume.store.head("big", context.signal)).size, 30 * MIB + 1);
});

Deno.test("A file that others have open stays readable when its object goes, however late", async () => {
  await using volume = journalled();
  await volume.putObject("removed", "still here");
  await volume.putObject("replaced", "old text");
  const removed = await volume.open("removed", 0);
  const replaced = await volume.open("replaced", 0);
  await volume.unlink("removed");
  await volume.write("temp", "new text");
  await volume.rename("temp", "replaced");
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["replaced"]);
  assert.equal(await volume.readOpen(removed), "still here");
  assert.equal(await volume.readOpen(replaced), "old text");
  assert.equal(await volume.read("replaced"), "new text");
  await volume.close(removed);
  await volume.close(replaced);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});
