import assert from "node:assert/strict";
import { diedBeforeAnswer, drain, journalled } from "../../tests/support/journalled_volume.ts";
import { advance, context, type MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { TransportError } from "../s3/errors.ts";
import { ROOT_INODE } from "./file_system.ts";

const details = { operation: "any", bucket: "b" };

/** Time for what should not happen. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Checks that the journal is empty and nothing is staged or set aside any more. */
function checkClean(volume: MemoryVolume): void {
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
  assert.deepEqual(volume.fs.problems(), []);
  assert.deepEqual(volume.fs.conflicts(), []);
}

Deno.test("Recovery shows what was closed before the kill, and brings it to S3", async () => {
  await using volume = journalled();
  await volume.write("f", "text");
  await volume.fs.setattr(await volume.ino("f"), { mode: 0o600, uid: 7 }, undefined, context);
  await volume.fs.symlink(ROOT_INODE, "link", "f", context);
  await volume.mkdir("d");
  await volume.write("d/inner", "deep");
  await using next = await volume.restart();
  assert.deepEqual(await next.keys(), []);
  assert.deepEqual(await next.list(""), ["d", "f", "link"]);
  assert.deepEqual(await next.list("d"), ["inner"]);
  assert.equal(await next.read("f"), "text");
  assert.equal(await next.read("d/inner"), "deep");
  const { attr } = await next.entry("f");
  assert.deepEqual([attr!.mode, attr!.uid, attr!.size], [0o100600, 7, 4]);
  assert.deepEqual(attr!.mtime, (await volume.entry("f")).attr!.mtime);
  assert.equal(await next.fs.readlink(await next.ino("link"), context), "f");
  await drain(next);
  assert.deepEqual(await next.keys(), ["d/", "d/inner", "f", "link"]);
  assert.equal(await next.object("f"), "text");
  checkClean(next);
});

Deno.test("Recovery keeps attributes that were set while the content waited", async () => {
  await using volume = journalled();
  await volume.write("f", "text");
  await volume.fs.setattr(await volume.ino("f"), { mode: 0o600 }, undefined, context);
  const file = await volume.open("f");
  await volume.fs.fsync(file.ino, file.fh, false, context);
  await volume.close(file);
  await using next = await volume.restart();
  assert.equal((await next.entry("f")).attr!.mode, 0o100600);
});

Deno.test("Recovery goes on with edits of a part: the rest comes from the object", async () => {
  await using volume = journalled();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  volume.writeOpen(file, "abc", 3);
  await volume.fs.setattr(file.ino, { size: 12 }, file.fh, context);
  await volume.close(file);
  await using next = await volume.restart();
  assert.equal(await next.read("f"), "012abc6789\0\0");
  await drain(next);
  assert.equal(await next.object("f"), "012abc6789\0\0");
  checkClean(next);
});

Deno.test("Recovery finishes renames, of files in S3 and of others", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.putObject("target", "old");
  await volume.rename("a", "b");
  await volume.write("temp", "new");
  await volume.rename("temp", "target");
  await using next = await volume.restart();
  assert.deepEqual(await next.list(""), ["b", "target"]);
  assert.equal(await next.read("b"), "A");
  assert.equal(await next.read("target"), "new");
  await drain(next);
  assert.deepEqual(await next.keys(), ["b", "target"]);
  assert.equal(await next.object("b"), "A");
  assert.equal(await next.object("target"), "new");
  checkClean(next);
});

Deno.test("Recovery finishes a rename whose copy was made but not noted", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  await using next = await diedBeforeAnswer(volume, "copy");
  await drain(next);
  assert.deepEqual(await next.keys(), ["b"]);
  assert.equal(await next.read("b"), "A");
  checkClean(next);
  await volume.fs.close();
});

Deno.test("Recovery knows where a file is that was renamed during the copy of an earlier rename", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method === "copy" && key === "b") await held.promise;
    if (method === "copy" && key === "c") throw new TransportError("reset", details);
  };
  const abort = new AbortController();
  volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.store.counts.copy === 1);
  await volume.rename("b", "c");
  held.resolve();
  await until(() => volume.store.counts.deleteMany === 1);
  await until(() => volume.journal.entries("change").every(({ key }) => key !== "a"));
  abort.abort();
  volume.store.hook = undefined;
  await using next = await volume.restart();
  assert.equal(await next.read("c"), "A");
  await drain(next);
  assert.deepEqual(await next.keys(), ["c"]);
  checkClean(next);
});

Deno.test("Recovery can rely on it: no original is deleted before the journal knows of its copy", async () => {
  await using volume = journalled();
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  const copied = Promise.withResolvers<void>();
  volume.store.hook = async ({ method, key }) => {
    if (method === "copy" && key === "b") await copied.promise;
  };
  const stored = Promise.withResolvers<void>();
  volume.store.answerHook = ({ method, key }) => {
    if (method === "copy" && key === "b") volume.journal.beforeCommit = () => stored.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.copy === 1);
  await volume.rename("b", "c");
  copied.resolve();
  await turns(20);
  // Something else that has the queue looked through.
  const other = volume.write("other", "x");
  await turns(20);
  assert.equal(volume.store.counts.deleteMany, 0);
  stored.resolve();
  await Promise.all([drained, other]);
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["c", "other"]);
});

Deno.test("Recovery knows since when a file waits", async () => {
  await using volume = journalled();
  volume.store.hook = ({ method }) => {
    if (method === "put") throw new TransportError("reset", details);
  };
  await volume.write("f", "text");
  for (let i = 0; i < 5; i++) await advance(volume, 20_000);
  await until(() => volume.fs.uploads().active === 0);
  assert.equal(volume.fs.uploads().oldestSeconds, 100);
  volume.store.hook = undefined;
  await using next = await volume.restart();
  assert.equal(next.fs.uploads().oldestSeconds, 100);
  await drain(next);
  assert.equal(next.fs.uploads().oldestSeconds, 0);
});

Deno.test("Recovery hides what was removed, and removes it in S3", async () => {
  await using volume = journalled();
  for (const key of ["f", "d/a", "d/b", "keep"]) await volume.putObject(key, "x");
  await volume.unlink("f");
  await volume.unlink("d/a");
  await volume.unlink("d/b");
  await volume.fs.rmdir(ROOT_INODE, "d", context);
  await using next = await volume.restart();
  assert.deepEqual(await next.list(""), ["keep"]);
  await drain(next);
  assert.deepEqual(await next.keys(), ["keep"]);
  checkClean(next);
});

Deno.test("Recovery adopts an upload that arrived but was not noted before the kill", async () => {
  await using volume = journalled();
  await volume.write("f", "ours");
  await volume.write("big", "x".repeat(17 * 2 ** 20));
  // The same requests as the upload's, of which the program never heard.
  await using other = await volume.restart();
  await drain(other);
  await using next = await volume.restart();
  const puts = next.store.counts.put;
  await drain(next);
  assert.deepEqual(await next.keys(), ["big", "f"]);
  assert.equal(next.store.counts.put, puts + 1, "tried, refused, and recognised");
  await advance(next, 10_000);
  await until(() => next.store.openUploads === 0 && next.journal.entries().length === 0);
  checkClean(next);
});

Deno.test("Recovery goes on with a multipart upload: what arrived is not sent again", async () => {
  await using volume = journalled();
  await volume.write("big", "0123456789abcdef".repeat(3 * 2 ** 19));
  let parts = 0;
  volume.store.hook = ({ method }) => {
    if (method !== "uploadPart" || ++parts < 3) return;
    throw new TransportError("reset", details);
  };
  const abort = new AbortController();
  volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.fs.uploads().failed.length === 1);
  abort.abort();
  await until(() => volume.journal.entries("part").length === 2);
  volume.store.hook = undefined;
  await using next = await volume.restart();
  const calls = await next.calls(() => drain(next));
  assert.deepEqual(calls, { uploadPart: 1, completeMultipart: 1 });
  assert.equal(next.store.openUploads, 0);
  checkClean(next);
});

Deno.test("Recovery aborts a multipart upload that nobody wants any more", async () => {
  await using volume = journalled();
  await volume.write("big", "x".repeat(17 * 2 ** 20));
  volume.store.hook = ({ method }) => {
    if (method !== "completeMultipart") return;
    throw new TransportError("reset", details);
  };
  const abort = new AbortController();
  volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.fs.uploads().failed.length === 1);
  abort.abort();
  await volume.unlink("big");
  assert.equal(volume.store.openUploads, 1);
  volume.store.hook = undefined;
  await using next = await volume.restart();
  await drain(next);
  await advance(next, 10_000);
  await until(() => next.store.openUploads === 0 && next.journal.entries().length === 0);
  assert.deepEqual(await next.keys(), []);
});

Deno.test("Recovery sets a damaged record aside, with a report, and goes on", async () => {
  await using volume = journalled();
  await volume.write("good", "text");
  const damaged = [null, 7, {}, { wish: "file", sinceMs: 1, remote: null, attributes: {} }];
  await using next = await volume.restart(async ({ journal }) => {
    await journal.commit(damaged.map((value, index) => ({
      put: { kind: "change", key: `bad${index}`, value },
    })));
  });
  assert.deepEqual(await next.list(""), ["good"]);
  assert.equal(next.fs.problems().length, damaged.length);
  for (const problem of next.fs.problems()) {
    const [, why, report] = /^(.*): see (.*)$/.exec(problem)!;
    const told = JSON.parse(await Deno.readTextFile(report!));
    assert.equal(told.why, why);
    assert.deepEqual(told.record, damaged[Number(/bad(\d)/.exec(told.key)![1])]);
  }
  const changes = next.journal.entries("change").map(({ key }) => key);
  assert.deepEqual(changes, ["good"], "the records are gone");
  await drain(next);
  assert.equal(await next.object("good"), "text");
});

Deno.test("Recovery removes staged files that were never acknowledged", async () => {
  await using volume = journalled();
  const file = await volume.create("unfinished");
  volume.writeOpen(file, "half".repeat(20_000));
  assert.equal([...Deno.readDirSync(volume.stagingDirectory)].length, 1);
  await using next = await volume.restart();
  assert.deepEqual([...Deno.readDirSync(next.stagingDirectory)], []);
  assert.deepEqual(await next.list(""), []);
  checkClean(next);
  await volume.close(file);
});

Deno.test("Recovery gives back the acknowledged state when the program was writing the next one", async () => {
  await using volume = journalled();
  await volume.putObject("there", "in S3");
  for (const name of ["emptied", "there"]) await volume.write(name, "acknowledged");
  const files = [await volume.open("emptied", 0o1002), await volume.open("there", 0o1002)];
  for (const file of files) volume.writeOpen(file, "half");
  // Other things go on meanwhile.
  await volume.fs.setattr(files[0]!.ino, { mode: 0o600 }, undefined, context);
  await volume.write("other", "x");
  await using next = await volume.restart();
  assert.deepEqual(next.fs.problems(), []);
  assert.equal(await next.read("emptied"), "acknowledged");
  assert.equal(await next.read("there"), "acknowledged");
  await drain(next);
  assert.equal(await next.object("emptied"), "acknowledged");
  assert.equal(await next.object("there"), "acknowledged");
  for (const file of files) await volume.close(file);
});

Deno.test("Recovery knows the acknowledged content after the upload of it has failed meanwhile", async () => {
  await using volume = journalled();
  await volume.list("");
  await volume.write("f", "acknowledged");
  volume.store.hook = ({ method }) => {
    if (method === "put") throw new Error("no");
  };
  const file = await volume.open("f", 0o1002);
  volume.writeOpen(file, "half");
  await assert.rejects(drain(volume));
  await until(() => volume.fs.uploads().active === 0);
  volume.store.hook = undefined;
  await using next = await volume.restart();
  assert.equal(await next.read("f"), "acknowledged");
  await volume.close(file);
});

Deno.test("Recovery gives a file back in a state that it had, after a cut that was not acknowledged", async () => {
  await using volume = journalled();
  await volume.write("cut", "0123456789");
  const file = await volume.open("cut");
  await volume.fs.setattr(file.ino, { size: 4 }, file.fh, context);
  await using next = await volume.restart();
  const text = await next.read("cut");
  assert.ok(text === "0123456789" || text === "0123", JSON.stringify(text));
  await volume.close(file);
});

Deno.test("Recovery does not bring back a removed name that is being made anew", async () => {
  await using volume = journalled();
  await volume.putObject("f", "old");
  await volume.unlink("f");
  const file = await volume.create("f");
  volume.writeOpen(file, "half");
  await volume.write("other", "x");
  await using next = await volume.restart();
  assert.deepEqual(await next.list(""), ["other"]);
  await drain(next);
  assert.deepEqual(await next.keys(), ["other"]);
  await volume.close(file);
});

Deno.test("Recovery journals what is open when the mount ends in order", async () => {
  const volume = journalled();
  const file = await volume.create("open");
  volume.writeOpen(file, "not closed");
  await volume.fs.close();
  await using next = await volume.restart();
  assert.equal(await next.read("open"), "not closed");
  await drain(next);
  assert.equal(await next.object("open"), "not closed");
  await volume[Symbol.asyncDispose]();
});
