import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { drain, journalled, noAnswer, objects } from "../../tests/support/journalled_volume.ts";
import { advance, context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { JournalError } from "../journal/journal_error.ts";
import type { JournalOp } from "../journal/journal.ts";
import { TransportError } from "../s3/errors.ts";
import { S_IFDIR } from "../base/posix.ts";
import { ROOT_INODE } from "./file_system.ts";

/** Paths and contents of all files below a directory, as the mount shows them. */
async function tree(volume: MemoryVolume, path = ""): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const { name, type } of await volume.dirents(path)) {
    const child = path === "" ? name : `${path}/${name}`;
    if (type === S_IFDIR) Object.assign(result, await tree(volume, child));
    else result[child] = await volume.read(child);
  }
  return result;
}

interface StuckRename {
  /** Ends it with that reason, which is its failure. */
  end(reason: Error): Promise<void>;
}

/**
 * Renames "d", with files that hold their names, to "e". Resolves when the copies were asked for; that of
 * "z" never comes.
 */
async function stuckRename(
  volume: MemoryVolume,
  ...names: readonly string[]
): Promise<StuckRename> {
  for (const name of names) await volume.putObject(`d/${name}`, name);
  volume.store.hook = async ({ method, key }, signal) => {
    if (method === "copy" && key!.endsWith("/z")) await noAnswer(signal);
  };
  const abort = new AbortController();
  const { signal } = abort;
  const renamed = volume.fs.rename(ROOT_INODE, "d", ROOT_INODE, "e", 0, { ...context, signal });
  await until(() => volume.store.counts.copy === names.length);
  return {
    end: async (reason) => {
      abort.abort(reason);
      await assert.rejects(renamed);
    },
  };
}

const killed = new Error("killed");

Deno.test("RenameDirectory moves a directory with all keys below it, also those that are hidden", async () => {
  await using volume = new MemoryVolume();
  const keys = ["d/", "d/a", "d/s/b", "d/s/t/c", "d//hidden"];
  for (const key of keys) await volume.putObject(key, key === "d/" ? "" : key);
  await volume.putObject("dd/other", "x");
  await volume.fs.mkdir(ROOT_INODE, "e", 0o755, context);
  const open = await volume.open("d/s/b", 0);
  await volume.rename("d", "e");
  assert.deepEqual(await volume.keys(), ["dd/other", ...keys.map((k) => "e" + k.slice(1)).sort()]);
  assert.deepEqual(await volume.list(""), ["dd", "e"]);
  assert.deepEqual(await volume.list("e/s"), ["b", "t"]);
  assert.equal(await volume.read("e/s/t/c"), "d/s/t/c");
  assert.equal(await volume.readOpen(open), "d/s/b");
  await volume.close(open);
});

Deno.test("RenameDirectory of a thousand files: a copy for each, and nothing is asked for one by one", async () => {
  await using volume = new MemoryVolume({ durability: "journal" });
  for (let i = 0; i < 1000; i++) await volume.putObject(`d/f${i}`, "x");
  await volume.entry("d");
  const calls = await volume.calls(() => volume.rename("d", "e"));
  // The second LIST sees that there is nothing at the new name.
  assert.deepEqual(calls, { copy: 1000, list: 2 });
  assert.deepEqual(
    await volume.calls(() => volume.fs.drain(context.signal)),
    { list: 1, deleteMany: 2 },
  );
});

Deno.test("RenameDirectory that fails leaves the old tree whole and no copies behind", async () => {
  await using volume = new MemoryVolume();
  const keys = Array.from({ length: 30 }, (_, i) => `d/f${String(i).padStart(2, "0")}`);
  for (const key of keys) await volume.putObject(key, key);
  await volume.list("d");
  volume.store.hook = ({ method, key }) => {
    if (method !== "copy" || !key?.endsWith("f17")) return;
    throw new TransportError("reset", { operation: "CopyObject", bucket: "b" });
  };
  await assert.rejects(volume.rename("d", "e"), failsWith("EIO"));
  assert.deepEqual(await volume.keys(), keys);
  assert.deepEqual(await volume.list(""), ["d"]);
  assert.equal(await volume.read("d/f03"), "d/f03");
});

Deno.test("RenameDirectory takes along what is written in it meanwhile", async () => {
  await using volume = new MemoryVolume();
  for (let i = 0; i < 5; i++) await volume.putObject(`d/f${i}`, "x");
  await volume.write("d/late", "early");
  const file = await volume.open("d/late");
  volume.writeOpen(file, "later");
  let closed: Promise<void> | undefined;
  // A close waits for the upload, and that for the end of the rename.
  volume.store.hook = ({ method }) => {
    if (method === "copy") closed ??= volume.close(file);
  };
  await volume.rename("d", "e");
  await closed;
  assert.equal(await volume.object("e/late"), "later");
  assert.equal((await volume.keys()).some((key) => key.startsWith("d/")), false);
});

Deno.test("RenameDirectory takes the place of an empty directory, even if its own object has content", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("d/", "note");
  await volume.putObject("d/f", "x");
  await volume.mkdir("e");
  await volume.rename("d", "e");
  assert.deepEqual(await volume.keys(), ["e/", "e/f"]);
  assert.deepEqual(await volume.list("e"), ["f"]);
});

Deno.test("RenameDirectory has the new tree complete at once, and the old one gone", async () => {
  await using volume = journalled();
  for (const key of ["d/a", "d/s/b", "d/s/c"]) await volume.putObject(key, key);
  await volume.write("d/new", "only here");
  const edited = await volume.open("d/s/c");
  volume.writeOpen(edited, "DE", 0);
  await volume.close(edited);
  await volume.fs.setattr(await volume.ino("d/a"), { mode: 0o600 }, undefined, context);
  await volume.unlink("d/s/b");
  await volume.rename("d", "e");
  const expected = { "e/a": "d/a", "e/new": "only here", "e/s/c": "DEs/c" };
  assert.deepEqual(await tree(volume), expected);
  assert.equal((await volume.entry("e/a")).attr!.mode, 0o100600);
  await using next = await volume.restart();
  assert.deepEqual(await tree(next), expected, "after a kill");
  await drain(next);
  assert.deepEqual(await objects(next), expected);
  assert.deepEqual(await tree(next), expected);
  assert.equal((await next.store.head("e/a", context.signal)).metadata!["mode"], "33152");
  assert.deepEqual(next.journal.entries(), []);
  assert.deepEqual(next.fs.conflicts(), []);
});

Deno.test("RenameDirectory moves a tree that S3 does not have without asking it for anything", async () => {
  await using volume = journalled();
  await volume.list("");
  const calls = await volume.calls(async () => {
    await volume.mkdir("d");
    await volume.mkdir("d/s");
    await volume.write("d/s/f", "x");
    await volume.rename("d", "e");
    assert.deepEqual(await tree(volume), { "e/s/f": "x" });
  });
  assert.deepEqual(calls, {});
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["e/", "e/s/", "e/s/f"]);
});

Deno.test("RenameDirectory waits for what goes up below it, and then takes it along", async () => {
  await using volume = journalled();
  await volume.mkdir("d");
  await volume.write("d/a", "text");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "put") await held.promise;
  };
  await advance(volume, 1500);
  await until(() => volume.store.counts.put === 2);
  const renamed = volume.rename("d", "e");
  held.resolve();
  await renamed;
  assert.deepEqual(await tree(volume), { "e/a": "text" });
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["e/", "e/a"]);
  assert.deepEqual(await tree(volume), { "e/a": "text" });
});

Deno.test("RenameDirectory there and back again", async () => {
  await using volume = journalled();
  for (const key of ["d/a", "d/s/b"]) await volume.putObject(key, key);
  await volume.write("d/new", "only here");
  await volume.rename("d", "e");
  await volume.rename("e", "d");
  const expected = { "d/a": "d/a", "d/new": "only here", "d/s/b": "d/s/b" };
  assert.deepEqual(await tree(volume), expected);
  await drain(volume);
  assert.deepEqual(await tree(volume), expected);
  assert.deepEqual(await objects(volume), expected);
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual(volume.fs.conflicts(), []);
});

Deno.test("RenameDirectory lets the old name be used at once", async () => {
  await using volume = journalled();
  for (const key of ["d/a", "d/s/b"]) await volume.putObject(key, key);
  await volume.rename("d", "e");
  await volume.mkdir("d");
  assert.deepEqual(await volume.list("d"), []);
  await volume.write("d/a", "another");
  const expected = { "d/a": "another", "e/a": "d/a", "e/s/b": "d/s/b" };
  assert.deepEqual(await tree(volume), expected);
  await drain(volume);
  assert.deepEqual(await objects(volume), expected);
  assert.deepEqual(await tree(volume), expected);
});

Deno.test("RenameDirectory takes along files that were renamed into it, and not those renamed out", async () => {
  await using volume = journalled();
  for (const key of ["in", "d/out", "d/within", "d/a"]) await volume.putObject(key, key);
  await volume.rename("in", "d/in");
  await volume.rename("d/out", "out");
  await volume.rename("d/within", "d/inside");
  await volume.rename("d", "e");
  const expected = { "e/a": "d/a", "e/in": "in", "e/inside": "d/within", "out": "d/out" };
  assert.deepEqual(await tree(volume), expected);
  await drain(volume);
  assert.deepEqual(await objects(volume), expected);
  assert.deepEqual(await tree(volume), expected);
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("RenameDirectory removes a file first in whose place a directory above the new name has come", async () => {
  await using volume = journalled();
  for (const key of ["a", "d/f"]) await volume.putObject(key, key);
  await volume.unlink("a");
  await volume.mkdir("a");
  const inTheWay: string[] = [];
  volume.store.hook = async ({ method }) => {
    if (method === "copy" && await volume.object("a") !== undefined) inTheWay.push("a");
  };
  await volume.rename("d", "a/e");
  assert.deepEqual(inTheWay, []);
  assert.equal(await volume.object("a/e/f"), "d/f");
});

Deno.test("RenameDirectory killed half-way leaves the old tree; its copies go, and nothing else does", async () => {
  await using volume = journalled();
  const renamed = await stuckRename(volume, "a", "b", "c", "z");
  volume.store.hook = undefined;
  // Somebody else is there too, and has put another file in the place of a copy.
  await volume.putObject("e/theirs", "theirs");
  await volume.putObject("e/b", "b, but theirs");
  await using next = await volume.restart();
  // The copy that was under way may still come.
  assert.deepEqual(next.journal.entries().map(({ key }) => key), ["e/z"]);
  const kept = { "e/b": "b, but theirs", "e/theirs": "theirs" };
  assert.deepEqual(await tree(next), { "d/a": "a", "d/b": "b", "d/c": "c", "d/z": "z", ...kept });
  assert.deepEqual(Object.keys(await objects(next)).filter((key) => key.startsWith("e/")).sort(), [
    "e/b",
    "e/theirs",
  ]);
  assert.deepEqual(next.fs.problems(), []);
  await renamed.end(killed);
});

Deno.test("RenameDirectory killed half-way: a copy that the server makes later goes too", async () => {
  await using volume = journalled();
  const renamed = await stuckRename(volume, "a", "y", "z");
  volume.store.hook = undefined;
  await using next = await volume.restart();
  // What the server was asked for comes now, and something else of the same name as well.
  await next.putObject("e/z", "z");
  assert.deepEqual(await tree(next), { "d/a": "a", "d/y": "y", "d/z": "z" });
  await next.write("e/y", "y");
  await drain(next);
  assert.deepEqual(await objects(next), { "d/a": "a", "d/y": "y", "d/z": "z", "e/y": "y" });
  assert.deepEqual(next.fs.conflicts(), []);
  await renamed.end(killed);
});

Deno.test("RenameDirectory that is interrupted leaves no copy behind, though the server makes it later", async () => {
  await using volume = journalled();
  const renamed = await stuckRename(volume, "a", "z");
  volume.store.hook = undefined;
  await renamed.end(new DOMException("interrupted", "AbortError"));
  await volume.putObject("e/z", "z");
  assert.deepEqual(await volume.list(""), ["d"]);
  await advance(volume, 29_000);
  assert.equal(await volume.object("e/z"), "z");
  await advance(volume, 2000);
  await until(() => volume.journal.entries().length === 0);
  assert.deepEqual(await objects(volume), { "d/a": "a", "d/z": "z" });
});

Deno.test("RenameDirectory killed half-way leaves copies where S3 is away at the next start, and says so", async () => {
  await using volume = journalled();
  const renamed = await stuckRename(volume, "a", "z");
  volume.store.hook = ({ method }) => {
    if (method !== "list") return;
    throw new TransportError("refused", { operation: "ListObjects", bucket: "b" });
  };
  await using next = await volume.restart();
  volume.store.hook = undefined;
  assert.equal(next.fs.problems().length, 1);
  assert.match(next.fs.problems()[0]!, /renaming of "d\/" was interrupted/);
  assert.deepEqual(next.journal.entries(), []);
  const files = await objects(next);
  assert.deepEqual(files, { "d/a": "a", "d/z": "z", "e/a": "a" });
  await renamed.end(killed);
});

Deno.test("RenameDirectory that the journal's disk has no room for is one or the other after a kill", async () => {
  await using volume = journalled();
  for (const name of ["a", "b"]) await volume.putObject(`d/${name}`, name);
  volume.journal.beforeCommit = (ops: readonly JournalOp[]) => {
    // The intent has room, what ends it has none.
    if (ops.some((op) => "delete" in op && op.delete.kind === "rename")) {
      throw new JournalError("full", "no room");
    }
  };
  await assert.rejects(volume.rename("d", "e"), failsWith("ENOSPC"));
  volume.journal.beforeCommit = () => {};
  // The next one is told what the one before could not.
  await volume.write("other", "x");
  await using next = await volume.restart();
  await until(() => next.journal.entries("rename").length === 0);
  await drain(next);
  const { other: _, ...found } = await tree(next);
  assert.deepEqual(Object.values(found).sort(), ["a", "b"], "no file is lost, and none is doubled");
});

Deno.test("RenameDirectory takes along what happens to a file after its copy was made", async () => {
  await using volume = journalled();
  const names = ["chmod", "edited", "removed", "renamed", "z"];
  for (const name of names) await volume.putObject(`d/${name}`, name);
  const held = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method !== "copy" || !key!.endsWith("/z")) return;
    reached.resolve();
    await held.promise;
  };
  const renamed = volume.rename("d", "e");
  await reached.promise;
  await until(() => volume.store.counts.copy === 5);
  await volume.unlink("d/removed");
  await volume.write("d/edited", "another text");
  await volume.fs.setattr(await volume.ino("d/chmod"), { mode: 0o600 }, undefined, context);
  await volume.rename("d/renamed", "out");
  held.resolve();
  await renamed;
  const expected = { "e/chmod": "chmod", "e/edited": "another text", "e/z": "z", "out": "renamed" };
  assert.deepEqual(await tree(volume), expected);
  await drain(volume);
  assert.deepEqual(await objects(volume), expected);
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.equal((await volume.store.head("e/chmod", context.signal)).metadata!["mode"], "33152");
  assert.deepEqual(volume.journal.entries(), []);
});
