import assert from "node:assert/strict";
import { drain, journalled, objects } from "../../tests/support/journalled_volume.ts";
import { context, type MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { ROOT_INODE } from "./file_system.ts";

const EXCHANGE = 2;

/** What the mount shows of its root, and S3 in the end. */
async function checkFiles(volume: MemoryVolume, expected: Record<string, string>): Promise<void> {
  const shown = async () => {
    const result: Record<string, string> = {};
    for (const name of await volume.list("")) result[name] = await volume.read(name);
    return result;
  };
  assert.deepEqual(await shown(), expected, "before it is in S3");
  await drain(volume);
  assert.deepEqual(await objects(volume), expected);
  assert.deepEqual(await shown(), expected, "when it is in S3");
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual(volume.fs.conflicts(), []);
}

Deno.test("Rename is a copy and a removal in S3, later", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.list("");
  const calls = await volume.calls(() => volume.rename("a", "b"));
  assert.deepEqual(calls, {});
  const records = volume.journal.entries("change").map(({ key }) => key);
  assert.deepEqual(records.sort(), ["a", "b"]);
  assert.deepEqual(await volume.calls(() => drain(volume)), { copy: 1, head: 1, deleteMany: 1 });
  await checkFiles(volume, { b: "A" });
});

Deno.test("Rename there and back again costs nothing", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.list("");
  const calls = await volume.calls(async () => {
    await volume.rename("a", "b");
    await volume.rename("b", "a");
    await drain(volume);
  });
  assert.deepEqual(calls, {});
  await checkFiles(volume, { a: "A" });
});

Deno.test("Rename several times is one copy to the last name", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.list("");
  await volume.rename("a", "b");
  await volume.rename("b", "c");
  await volume.rename("c", "d");
  assert.deepEqual(await volume.calls(() => drain(volume)), { copy: 1, head: 1, deleteMany: 1 });
  await checkFiles(volume, { d: "A" });
});

Deno.test("Rename does not let the old object go before the copy is made", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  const order: string[] = [];
  volume.store.hook = ({ method }) => {
    order.push(method);
  };
  await drain(volume);
  assert.ok(order.indexOf("copy") < order.indexOf("deleteMany"), order.join());
  await checkFiles(volume, { b: "A" });
});

Deno.test("Rename lets a new file of the old name wait for the copy", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  await volume.write("a", "new");
  const calls = await volume.calls(() => drain(volume));
  assert.equal(calls.copy, 1);
  assert.equal(calls.put, 1);
  assert.equal(calls.deleteMany, undefined, "the new file takes the place of the old object");
  await checkFiles(volume, { a: "new", b: "A" });
});

Deno.test("Rename over a file of which S3 has another version than the renamed one", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.putObject("b", "B");
  await volume.rename("a", "b");
  await checkFiles(volume, { b: "A" });
});

Deno.test("Rename rotates names: each copy is made before its source is overwritten", async () => {
  await using volume = journalled();
  for (const name of ["a", "b", "c"]) await volume.putObject(name, name.toUpperCase());
  await volume.rename("c", "d");
  await volume.rename("b", "c");
  await volume.rename("a", "b");
  await checkFiles(volume, { b: "A", c: "B", d: "C" });
});

Deno.test("Rename swaps two files by a third name", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.putObject("b", "B");
  await volume.rename("a", "t");
  await volume.rename("b", "a");
  await volume.rename("t", "b");
  await checkFiles(volume, { a: "B", b: "A" });
});

Deno.test("Rename and copy_file_range together do not wait for each other", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.putObject("b", "B");
  await volume.rename("a", "t");
  await volume.rename("b", "a");
  const from = await volume.open("t", 0);
  const to = await volume.create("b");
  let copied = 0;
  try {
    copied = volume.fs.copyFileRange(from.ino, from.fh, 0, to.ino, to.fh, 0, 1);
  } catch {
    volume.writeOpen(to, await volume.readOpen(from));
  }
  assert.ok(copied === 0 || copied === 1);
  await volume.close(from);
  await volume.close(to);
  await checkFiles(volume, { a: "B", b: "A", t: "A" });
});

Deno.test("Rename with EXCHANGE swaps two files", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A, the longer one");
  await volume.putObject("b", "B");
  await volume.rename("a", "b", EXCHANGE);
  await checkFiles(volume, { a: "B", b: "A, the longer one" });
});

Deno.test("Rename with EXCHANGE swaps what is not in S3 yet with what is", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.write("b", "B is new");
  await volume.rename("a", "b", EXCHANGE);
  await checkFiles(volume, { a: "B is new", b: "A" });
});

Deno.test("Rename with EXCHANGE there and back again", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.putObject("b", "B");
  await volume.rename("a", "b", EXCHANGE);
  await volume.rename("a", "b", EXCHANGE);
  await checkFiles(volume, { a: "A", b: "B" });
});

Deno.test("Rename with EXCHANGE of files whose copies are not made yet", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A is the longest");
  await volume.putObject("c", "C is long");
  // b needs a, a needs c.
  await volume.rename("a", "b");
  await volume.rename("c", "a");
  await volume.write("c", "new");
  await volume.rename("b", "c", EXCHANGE);
  await checkFiles(volume, { a: "C is long", b: "new", c: "A is the longest" });
});

Deno.test("Rename with EXCHANGE during the upload of one of them", async () => {
  await using volume = journalled();
  await volume.putObject("b", "B, the longer one");
  await volume.write("a", "A");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method === "put" && key === "a") await held.promise;
  };
  const drained = volume.fs.drain(AbortSignal.timeout(5000));
  await until(() => volume.store.counts.put === 2);
  await volume.rename("a", "b", EXCHANGE);
  held.resolve();
  await drained;
  await checkFiles(volume, { a: "B, the longer one", b: "A" });
});

Deno.test("Rename with EXCHANGE of a file whose copy is made meanwhile", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.putObject("x", "X, the longer one");
  await volume.rename("a", "c");
  const [copied, read] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  volume.store.hook = async ({ method, key }) => {
    if (method === "copy") await copied.promise;
    if (method === "get" && key === "a") await read.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.copy === 1);
  const exchanged = volume.rename("c", "x", EXCHANGE);
  await until(() => volume.store.counts.get === 1);
  copied.resolve();
  await drained;
  read.resolve();
  await exchanged;
  await checkFiles(volume, { c: "X, the longer one", x: "A" });
});

Deno.test("Rename with EXCHANGE swaps a file and a directory", async () => {
  await using volume = journalled();
  await volume.putObject("d/x", "X");
  await volume.putObject("d/y", "Y");
  await volume.putObject("f", "F");
  await volume.rename("d", "f", EXCHANGE);
  assert.deepEqual(await volume.list(""), ["d", "f"]);
  assert.equal(await volume.read("d"), "F");
  assert.equal(await volume.read("f/y"), "Y");
  await drain(volume);
  assert.deepEqual(await objects(volume), { d: "F", "f/x": "X", "f/y": "Y" });
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("Rename during the upload brings the file to its new name, and nothing to the old one", async () => {
  await using volume = journalled();
  await volume.write("a", "text");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method === "put" && key === "a") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.put === 1);
  await volume.rename("a", "b");
  assert.equal(await volume.read("b"), "text");
  held.resolve();
  await drained;
  await checkFiles(volume, { b: "text" });
});

Deno.test("Rename over a file during its upload leaves the renamed one", async () => {
  await using volume = journalled();
  await volume.write("target", "old");
  const held = Promise.withResolvers<void>();
  let once = true;
  volume.store.hook = async ({ method }) => {
    if (method !== "put" || !once) return;
    once = false;
    await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.put === 1);
  await volume.write("temp", "new");
  await volume.rename("temp", "target");
  held.resolve();
  await drained;
  await checkFiles(volume, { target: "new" });
});

Deno.test("Rename during the copy of an earlier rename makes the file go on to the last name", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method === "copy" && key === "b") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.copy === 1);
  await volume.rename("b", "c");
  await volume.write("b", "another");
  held.resolve();
  await drained;
  await checkFiles(volume, { b: "another", c: "A" });
});

Deno.test("Rename back during the copy leaves one object", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method === "copy" && key === "b") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.copy === 1);
  await volume.rename("b", "a");
  held.resolve();
  await drained;
  await checkFiles(volume, { a: "A" });
});

Deno.test("Rename takes along changes of content and of attributes", async () => {
  await using volume = journalled();
  await volume.putObject("a", "0123456789");
  await volume.putObject("m", "M");
  const file = await volume.open("a");
  volume.writeOpen(file, "abc", 3);
  await volume.close(file);
  await volume.fs.setattr(await volume.ino("m"), { mode: 0o600 }, undefined, context);
  await volume.rename("a", "b");
  await volume.rename("m", "n");
  await checkFiles(volume, { b: "012abc6789", n: "M" });
  const { metadata } = await volume.store.head("n", context.signal);
  assert.equal(metadata!["mode"], String(0o100600));
});

Deno.test("Rename takes along what is written afterwards through a handle opened before", async () => {
  await using volume = journalled();
  await volume.putObject("a", "0123456789");
  const file = await volume.open("a");
  await volume.rename("a", "b");
  volume.writeOpen(file, "xyz", 7);
  await volume.close(file);
  await checkFiles(volume, { b: "0123456xyz" });
});

Deno.test("Rename takes along what is written while the copy is made", async () => {
  await using volume = journalled();
  await volume.putObject("a", "0123456789");
  const file = await volume.open("a");
  await volume.rename("a", "b");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "copy") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.copy === 1);
  volume.writeOpen(file, "xyz", 7);
  held.resolve();
  await drained;
  await volume.close(file);
  await checkFiles(volume, { b: "0123456xyz" });
});

Deno.test("Rename and removal of the new name let the old object go too", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  const file = await volume.open("a", 0);
  await volume.rename("a", "b");
  await volume.unlink("b");
  await checkFiles(volume, {});
  assert.equal(await volume.readOpen(file), "A", "who has it open keeps it");
  await volume.close(file);
});

Deno.test("Rename into and out of a new directory", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.mkdir("d");
  await volume.rename("a", "d/a");
  assert.deepEqual(await volume.list(""), ["d"]);
  assert.deepEqual(await volume.list("d"), ["a"]);
  await volume.rename("d/a", "b");
  await volume.fs.rmdir(ROOT_INODE, "d", context);
  await checkFiles(volume, { b: "A" });
});
