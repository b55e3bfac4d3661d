import assert from "node:assert/strict";
import { drain, journalled, loseAnswer } from "../../tests/support/journalled_volume.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { JournalError } from "../journal/journal_error.ts";

const KIB = 1024;
const SMALL = "x".repeat(64 * KIB);
const LARGE = "y".repeat(64 * KIB + 1);

function contents(volume: MemoryVolume): number {
  return volume.journal.entries("content").length;
}

/** The next start after a power loss that took what was not synced: the staged files. */
function restartWithoutStaged(
  volume: MemoryVolume,
  change: (next: MemoryVolume) => unknown = () => {},
): Promise<MemoryVolume> {
  return volume.restart(async (next) => {
    for (const { name } of Deno.readDirSync(next.stagingDirectory)) {
      Deno.removeSync(`${next.stagingDirectory}/${name}`);
    }
    await change(next);
  });
}

function full(): void {
  throw new JournalError("full", "Cannot write to the journal: the disk is full");
}

Deno.test("A small file is durable with its record: one commit for close, one when it is in S3", async () => {
  await using volume = journalled();
  await volume.write("f", SMALL);
  assert.equal(volume.journal.commits, 1);
  assert.equal(contents(volume), 1);
  const calls = await volume.calls(() => drain(volume));
  assert.deepEqual(calls, { put: 1 });
  assert.equal(volume.journal.commits, 2);
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("A small file survives the loss of its staged file, byte for byte", async () => {
  await using volume = journalled();
  await volume.write("small", "Z\0ü\uffff");
  await volume.write("empty", "");
  await using next = await restartWithoutStaged(volume);
  assert.equal(await next.read("small"), "Z\0ü\uffff");
  assert.equal(await next.read("empty"), "");
  await drain(next);
  assert.equal(await next.object("small"), "Z\0ü\uffff");
  assert.deepEqual(next.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(next.stagingDirectory)], []);
});

Deno.test("A file of more than 64 KiB is kept in its staged file alone", async () => {
  await using volume = journalled();
  await volume.write("f", LARGE);
  assert.equal(contents(volume), 0);
  await using next = await volume.restart();
  assert.equal((await next.read("f")).length, LARGE.length);
});

Deno.test("A file that grows large leaves the journal with the commit of its new record, and comes back", async () => {
  await using volume = journalled();
  await volume.write("f", "small");
  const file = await volume.open("f");
  volume.writeOpen(file, LARGE);
  await volume.close(file);
  assert.equal(contents(volume), 0);
  const again = await volume.open("f");
  await volume.fs.setattr(again.ino, { size: 3 }, again.fh, context);
  await volume.close(again);
  assert.equal(contents(volume), 1);
  await using next = await restartWithoutStaged(volume);
  assert.equal(await next.read("f"), "yyy");
});

Deno.test("What was acknowledged last counts, not what was written after it", async () => {
  await using volume = journalled();
  await volume.write("f", "acknowledged");
  const file = await volume.open("f");
  volume.writeOpen(file, "not yet");
  await using next = await volume.restart();
  assert.equal(await next.read("f"), "acknowledged");
  await volume.close(file);
});

Deno.test("Contents go along with renames, and go with what is removed or replaced", async () => {
  await using volume = journalled();
  for (const name of ["a", "b", "c", "d"]) await volume.write(name, `${name} text`);
  assert.equal(contents(volume), 4);
  await volume.rename("a", "e");
  await volume.rename("b", "c");
  await volume.unlink("d");
  assert.equal(contents(volume), 2);
  await volume.write("e", "rewritten");
  assert.equal(contents(volume), 2);
  await using next = await restartWithoutStaged(volume);
  assert.deepEqual(await next.list(""), ["c", "e"]);
  assert.equal(await next.read("c"), "b text");
  assert.equal(await next.read("e"), "rewritten");
});

Deno.test("An edit of an object is kept in its staged file: the rest of its bytes are elsewhere", async () => {
  await using volume = journalled();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  volume.writeOpen(file, "abc", 3);
  await volume.close(file);
  assert.equal(contents(volume), 0);
});

Deno.test("A content that the journal had no room for goes with the next commit of its record", async () => {
  await using volume = journalled();
  volume.journal.beforeCommit = full;
  await assert.rejects(volume.write("f", "text"), JournalError);
  volume.journal.beforeCommit = () => {};
  await volume.write("other", "makes a commit");
  assert.equal(contents(volume), 2);
  await using next = await restartWithoutStaged(volume);
  assert.equal(await next.read("f"), "text");
});

Deno.test("A content whose removal failed is removed by the next commit", async () => {
  await using volume = journalled();
  await volume.write("f", "text");
  volume.journal.beforeCommit = full;
  await assert.rejects(volume.unlink("f"), JournalError);
  assert.equal(contents(volume), 1);
  volume.journal.beforeCommit = () => {};
  await volume.write("other", "makes a commit");
  assert.equal(contents(volume), 1);
});

Deno.test("The journal takes 32 MiB of contents; files beyond are kept in their staged files", async () => {
  await using volume = journalled();
  for (let i = 0; i < 514; i++) await volume.write(`f${i}`, SMALL);
  assert.equal(contents(volume), 512);
  await volume.unlink("f0");
  await volume.write("g", SMALL);
  assert.equal(contents(volume), 512);
});

Deno.test("An upload of which only the answer was lost is known again by the journal's bytes", async () => {
  await using volume = journalled();
  await volume.write("f", "sent");
  await loseAnswer(volume, "put");
  await using next = await restartWithoutStaged(volume);
  // Newer than what was sent, which so is no other writer's.
  await next.write("f", "rewritten");
  await drain(next);
  assert.deepEqual(await next.keys(), ["f"]);
  assert.equal(await next.object("f"), "rewritten");
  assert.deepEqual(next.fs.conflicts(), []);
});

Deno.test("A record whose content is gone is set aside", async () => {
  await using volume = journalled();
  await volume.write("f", "text");
  await volume.write("g", "text");
  const [content] = volume.journal.entries("content");
  await using next = await volume.restart(async ({ journal }) => {
    await journal.commit([{ delete: { kind: "content", key: content!.key } }]);
  });
  assert.deepEqual(await next.list(""), ["g"]);
  assert.equal(next.fs.problems().length, 1);
});

Deno.test("Contents that no record names were not acknowledged: the next start removes them", async () => {
  await using volume = journalled();
  await volume.write("f", "text");
  await using next = await volume.restart(async ({ journal }) => {
    await journal.commit([{ put: { kind: "content", key: "nobody's", value: "dGV4dA==" } }]);
  });
  assert.equal(contents(next), 1);
  await drain(next);
  assert.deepEqual(next.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(next.stagingDirectory)], []);
  assert.deepEqual(next.fs.problems(), []);
});

Deno.test("Contents that a damaged journal has no records of are set aside as files", async () => {
  await using volume = new MemoryVolume({ durability: "journal", journalIsTrusted: false });
  await volume.write("f", "text");
  const [content] = volume.journal.entries("content");
  await using next = await restartWithoutStaged(volume, async ({ journal }) => {
    await journal.commit([{ delete: { kind: "change", key: "f" } }]);
  });
  assert.equal(next.fs.problems().length, 1);
  assert.equal(await Deno.readTextFile(`${next.lostAndFound}/${content!.key}`), "text");
  assert.deepEqual(next.journal.entries(), []);
});

Deno.test("Recovery sets a staged file aside that is short, and tells of one that is missing", async () => {
  await using volume = journalled();
  // So much that it is not kept in the journal.
  const padding = "-".repeat(65_536);
  for (const name of ["short", "missing", "whole"]) await volume.write(name, name + padding);
  const fileOf = (key: string) => {
    const entry = volume.journal.entries("change").find((entry) => entry.key === key)!;
    return (entry.value as { staged: { file: string } }).staged.file;
  };
  await using next = await volume.restart(async ({ stagingDirectory }) => {
    await Deno.truncate(`${stagingDirectory}/${fileOf("short")}`, 5);
    await Deno.remove(`${stagingDirectory}/${fileOf("missing")}`);
  });
  assert.deepEqual(await next.list(""), ["whole"]);
  assert.equal(next.fs.problems().length, 2);
  assert.equal(await Deno.readTextFile(`${next.lostAndFound}/${fileOf("short")}`), "short");
  await drain(next);
  assert.deepEqual(await next.keys(), ["whole"]);
  assert.deepEqual(next.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(next.stagingDirectory)], []);
});
