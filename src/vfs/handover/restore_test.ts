import assert from "node:assert/strict";
import { FakeClock } from "../../../tests/support/fake_clock.ts";
import { context, MemoryVolume, type OpenFile } from "../../../tests/support/memory_volume.ts";
import {
  type Dirent,
  FsError,
  type HandleId,
  type InodeNumber,
  type OpContext,
  ROOT_INODE,
} from "../file_system.ts";
import { SavedState } from "./saved_state.ts";
import { RestoreError } from "./restore.ts";

const O_EXCL = 0o200;
const O_RDWR = 2;
/** A request that the kernel sends again. */
const again: OpContext = { ...context, isRepeated: true };

function volumeWithLog(): MemoryVolume {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  return new MemoryVolume({ durability: "journal", clock, isHandedOver: true });
}

async function text(volume: MemoryVolume, { ino, fh }: OpenFile): Promise<string> {
  await volume.fs.awaken(ino, context);
  const views = await volume.fs.read(ino, fh, 0, 1000, context);
  return views.map((view) => new TextDecoder().decode(view)).join("");
}

/** The names behind `cookie`, at most `count`, and the last one's cookie. */
async function names(
  volume: MemoryVolume,
  { ino, fh }: OpenFile,
  cookie: number,
  count: number,
): Promise<{ names: string[]; cookie: number }> {
  const found: Dirent[] = [];
  const emit = (dirent: Dirent) => found.length < count && found.push(dirent) > 0;
  await volume.fs.readdir(ino, fh, cookie, emit, context);
  return { names: found.map(({ name }) => name), cookie: found.at(-1)?.cookie ?? cookie };
}

function opendir(volume: MemoryVolume, ino: InodeNumber): OpenFile {
  return { ino, fh: volume.fs.opendir(ino, 0, context).fh };
}

Deno.test("Inodes keep their numbers, and are there when they are asked for by number", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("d/e/f", "deep");
  await volume.putObject("g", "G");
  const numbers = await Promise.all(["d", "d/e", "d/e/f", "g"].map((path) => volume.ino(path)));
  await using unused = await volume.handOver();
  await using next = await unused.handOver();
  for (const [i, size] of [4096, 4096, 4, 1].entries()) {
    await next.fs.awaken(numbers[i]!, context);
    assert.equal((await next.fs.getattr(numbers[i]!, undefined, context)).attr.size, size);
  }
  assert.deepEqual(
    await Promise.all(["g", "d/e/f", "d/e", "d"].map((path) => next.ino(path))),
    numbers.reverse(),
  );
  // As many lookups as the kernel has made here and there are forgotten: nothing is left.
  for (const ino of numbers) next.fs.forget(ino, 100);
  assert.equal(next.fs.counts().inodes, 1);
});

Deno.test("Files that were only listed keep their numbers, also when the log is written anew", async () => {
  await using volume = volumeWithLog();
  // More than is written of the log at once.
  const paths = Array.from({ length: 6000 }, (_, index) => `d/f${10_000 + index}`);
  for (const path of paths) await volume.putObject(path, path);
  const given = new Map<string, InodeNumber>();
  for (const { name, entry } of await volume.dirents("d")) {
    given.set(`d/${name}`, entry!().ino as InodeNumber);
  }
  await using next = await volume.handOver();
  for (const path of paths.slice(0, 20)) {
    const ino = given.get(path)!;
    await next.fs.awaken(ino, context);
    assert.equal((await next.fs.getattr(ino, undefined, context)).attr.size, path.length);
  }
  await using last = await next.handOver();
  for (const { name, entry } of await last.dirents("d")) {
    assert.equal(entry!().ino, given.get(`d/${name}`), name);
  }
  for (const path of paths) assert.equal(await last.ino(path), given.get(path), path);
  for (const ino of given.values()) last.fs.forget(ino, 100);
  last.fs.forget(await last.ino("d"), 100_000);
  assert.equal(last.fs.counts().inodes, 1);
});

Deno.test("A file that is gone meanwhile is stale, and its number is not another one's", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("f", "text");
  const ino = await volume.ino("f");
  await volume.store.delete("f", context.signal);
  await using next = await volume.handOver();
  await next.fs.awaken(ino, context);
  await assert.rejects(
    async () => await next.fs.getattr(ino, undefined, context),
    (error) => error instanceof FsError && error.errno === "ESTALE",
  );
  assert.notEqual((await next.create("new")).ino, ino);
});

Deno.test("Open files are read on, in the version that was opened", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("f", "the first version");
  const file = await volume.open("f");
  assert.equal(await text(volume, file), "the first version");
  await using next = await volume.handOver();
  assert.equal(await text(next, file), "the first version");
  await next.putObject("f", "another one");
  await using third = await next.handOver();
  await assert.rejects(
    async () => await text(third, file),
    (error) => error instanceof FsError && error.errno === "ESTALE",
  );
  assert.equal(third.fs.counts().handles, 1);
  await third.close(file);
  assert.equal(third.fs.counts().handles, 0);
});

Deno.test("What was written and not synced is there, and goes to S3 when it is closed", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("edited", "0123456789");
  const edited = await volume.open("edited");
  volume.writeOpen(edited, "abc", 3);
  const made = await volume.create("made");
  volume.writeOpen(made, "begin");
  await using next = await volume.handOver();
  next.writeOpen(made, " and end", 5);
  assert.equal(await text(next, edited), "012abc6789");
  assert.equal(await text(next, made), "begin and end");
  await using third = await next.handOver();
  for (const file of [edited, made]) await third.close(file);
  await third.fs.drain(context.signal);
  assert.equal(await third.object("edited"), "012abc6789");
  assert.equal(await third.object("made"), "begin and end");
  assert.deepEqual(third.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(third.stagingDirectory)], []);
});

Deno.test("A write of which the log does not tell leaves nothing in a hole", async () => {
  await using volume = volumeWithLog();
  const file = await volume.create("f");
  volume.writeOpen(file, "a", 0);
  volume.writeOpen(file, "z", 100);
  const [staged] = [...Deno.readDirSync(volume.stagingDirectory)];
  using local = await Deno.open(`${volume.stagingDirectory}/${staged!.name}`, { write: true });
  await local.seek(50, Deno.SeekMode.Start);
  await local.write(new TextEncoder().encode("lost"));
  await using next = await volume.handOver();
  assert.equal(await text(next, file), "a" + "\0".repeat(99) + "z");
});

Deno.test("A file without a name lives on as long as it is open", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("stored", "in S3");
  await volume.write("made", "only here");
  const files = [await volume.open("stored"), await volume.open("made")] as const;
  for (const name of ["stored", "made"]) await volume.fs.unlink(ROOT_INODE, name, context);
  await volume.fs.drain(context.signal);
  await using next = await volume.handOver();
  assert.equal(await text(next, files[0]), "in S3");
  assert.equal(await text(next, files[1]), "only here");
  const { attr } = await next.fs.getattr(files[1].ino, undefined, context);
  assert.equal(attr.nlink, 0);
  assert.deepEqual(await next.list(""), []);
  for (const file of files) await next.close(file);
  await next.fs.drain(context.signal);
  assert.deepEqual(await next.keys(), []);
  assert.deepEqual([...Deno.readDirSync(next.stagingDirectory)], []);
});

Deno.test("A directory is read on where its reader stopped, each name once", async () => {
  await using volume = volumeWithLog();
  const all = Array.from({ length: 30 }, (_, i) => `f${String(i).padStart(2, "0")}`);
  for (const name of all) await volume.putObject(name);
  const open = opendir(volume, ROOT_INODE);
  const first = await names(volume, open, 0, 12);
  assert.equal(first.names.length, 12);
  await using next = await volume.handOver();
  // Not where the last reply ended: its reader had no room for all of it.
  const second = await names(next, open, first.cookie - 2, 10);
  assert.deepEqual(second.names.slice(0, 2), first.names.slice(-2));
  await using third = await next.handOver();
  const rest = await names(third, open, second.cookie, 100);
  const seen = [...first.names.slice(2), ...second.names.slice(2), ...rest.names];
  assert.deepEqual(seen.sort(), all);
  const anew = await names(third, open, 0, 100);
  assert.deepEqual(anew.names.slice(2), all);
});

Deno.test("What was done before it was answered is not done twice", async () => {
  await using volume = volumeWithLog();
  await volume.write("old", "text");
  await volume.write("away", "x");
  await volume.mkdir("gone");
  const { fs } = volume;
  await fs.mkdir(ROOT_INODE, "d", 0o755, context);
  await fs.symlink(ROOT_INODE, "link", "target", context);
  await fs.mknod(ROOT_INODE, "pipe", 0o010600, 0, context);
  await fs.create(ROOT_INODE, "new", 0o644, O_RDWR | O_EXCL, context);
  await fs.unlink(ROOT_INODE, "away", context);
  await fs.rmdir(ROOT_INODE, "gone", context);
  await fs.rename(ROOT_INODE, "old", ROOT_INODE, "renamed", 0, context);
  const renamed = await volume.ino("renamed");
  await fs.setxattr(renamed, "user.x", new Uint8Array([1]), 1, context);
  await using next = await volume.handOver();
  const expected = ["d", "link", "new", "pipe", "renamed"];
  const { fs: later } = next;
  await later.mkdir(ROOT_INODE, "d", 0o755, again);
  await later.symlink(ROOT_INODE, "link", "target", again);
  await later.mknod(ROOT_INODE, "pipe", 0o010600, 0, again);
  await later.create(ROOT_INODE, "new", 0o644, O_RDWR | O_EXCL, again);
  await later.unlink(ROOT_INODE, "away", again);
  await later.rmdir(ROOT_INODE, "gone", again);
  await later.rename(ROOT_INODE, "old", ROOT_INODE, "renamed", 0, again);
  await later.setxattr(await next.ino("renamed"), "user.x", new Uint8Array([1]), 1, again);
  assert.deepEqual(await next.list(""), expected);
  assert.equal(await next.read("renamed"), "text");
  // The same from somebody else is refused.
  await assert.rejects(later.mkdir(ROOT_INODE, "d", 0o755, context), /exists/);
  await assert.rejects(later.unlink(ROOT_INODE, "away", context), /There is no/);
});

Deno.test("A log that grows is written anew, with all that still counts", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("f", "text");
  const file = await volume.create("written");
  const ino = await volume.ino("f");
  for (let i = 0; i < 200_000; i++) {
    volume.writeOpen(file, "x", i % 100);
    if (i % 100 === 0) volume.fs.beforeReply();
  }
  volume.fs.beforeReply();
  assert.ok(volume.loggedBytes().length < 5 << 20);
  await using next = await volume.handOver();
  assert.equal(await text(next, file), "x".repeat(100));
  assert.equal(await next.ino("f"), ino);
});

Deno.test("A rewriting of the log that was not finished does not count", async () => {
  await using volume = volumeWithLog();
  await volume.fs.recover();
  await volume.putObject("f");
  await volume.open("f");
  volume.fs.beforeReply();
  const bytes = volume.loggedBytes();
  const begun = new Uint8Array([...bytes, ...bytes.subarray(0, bytes.length / 2)]);
  assert.deepEqual(SavedState.of(begun), SavedState.of(bytes));
});

Deno.test("A journal that knows more than the log is not overruled", async () => {
  await using volume = volumeWithLog();
  await volume.write("f", "acknowledged");
  volume.fs.beforeReply();
  const bytes = volume.loggedBytes();
  const empty = SavedState.of(bytes.subarray(0, 0));
  await using next = await volume.restart((next) =>
    assert.rejects(next.fs.recover(empty), RestoreError).then(() => next.fs.giveUp())
  );
  assert.equal(await next.read("f"), "acknowledged");
});

Deno.test("A log that was cut off says what it says up to there", async () => {
  await using volume = volumeWithLog();
  await volume.putObject("f");
  await volume.open("f");
  volume.fs.beforeReply();
  const bytes = volume.loggedBytes();
  for (let end = 0; end <= bytes.length; end++) {
    const { inodes, handles } = SavedState.of(bytes.subarray(0, end));
    assert.ok(inodes.size <= 1 && handles.size <= 1);
  }
  const state = SavedState.of(bytes);
  assert.deepEqual([...state.handles.keys()], [1 as HandleId]);
});
