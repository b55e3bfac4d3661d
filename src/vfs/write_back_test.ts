import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { drain } from "../../tests/support/journalled_volume.ts";
import { context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { ROOT_INODE } from "./file_system.ts";

/** A volume that answers when the journal has it; S3 gets it when the clock is moved. */
function journalled(): { volume: MemoryVolume; clock: FakeClock } {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  return { volume: new MemoryVolume({ durability: "journal", clock }), clock };
}

/** Time for what should not happen. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

const isIdle = (volume: MemoryVolume) => () => volume.fs.uploads().pendingFiles === 0;

Deno.test("WriteBack lets close answer when the journal has it, and uploads after a delay", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.write("f", "text");
  assert.deepEqual(volume.journal.entries("change").map(({ key }) => key), ["f"]);
  await clock.advance(900);
  assert.equal(volume.store.counts.put, 0);
  assert.equal(volume.fs.uploads().pendingFiles, 1);
  assert.equal(volume.fs.uploads().pendingBytes, 4);
  assert.equal(await volume.read("f"), "text");
  await clock.advance(200);
  await until(isIdle(volume));
  assert.equal(await volume.object("f"), "text");
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("WriteBack sends a file that is rewritten before its time once, in its last state", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  const calls = await volume.calls(async () => {
    await volume.write("f", "one");
    await clock.advance(500);
    await volume.write("f", "two");
    await clock.advance(900);
    assert.equal(volume.store.counts.put, 0, "the delay begins anew");
    await clock.advance(200);
    await until(isIdle(volume));
  });
  assert.deepEqual(calls, { list: 1, put: 1 });
  assert.equal(await volume.object("f"), "two");
});

Deno.test("WriteBack does not wait for ever for a file that is rewritten again and again", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  for (let second = 0; second < 40; second++) {
    await volume.write("f", `${second}`);
    await clock.advance(800);
  }
  await until(() => volume.store.counts.put > 0);
  await drain(volume);
  assert.equal(await volume.object("f"), "39");
  assert.ok(volume.store.counts.put <= 4, `${volume.store.counts.put} uploads`);
});

Deno.test("WriteBack waits while small files come one after the other, for some seconds at most", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  for (let i = 0; i < 5; i++) {
    await volume.write(`f${i}`, "x");
    await clock.advance(900);
  }
  assert.deepEqual(await volume.keys(), []);
  await clock.advance(100);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.equal(volume.store.counts.put, 5);
  for (let i = 0; i < 8; i++) {
    await volume.write(`g${i}`, "x");
    await clock.advance(900);
  }
  await until(() => volume.store.counts.put > 5);
  assert.ok(volume.fs.uploads().pendingFiles > 0, "the last ones still wait");
});

Deno.test("WriteBack does not spend its time on looking what comes due, however long a look takes", async () => {
  /** Each question for the time costs some. */
  class SlowClock extends FakeClock {
    costMs = 0;
    asked = 0;
    #lostMs = 0;
    override monotonicMs(): number {
      this.asked++;
      return super.monotonicMs() + (this.#lostMs += this.costMs);
    }
  }
  const clock = new SlowClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.list("");
  for (let i = 0; i < 90; i++) {
    await volume.write(`f${i}`, "x");
    await clock.advance(10);
  }
  clock.costMs = 10;
  clock.asked = 0;
  await clock.advance(500);
  // Some questions for each look; every 20 ms it would be a hundred and more.
  assert.ok(clock.asked < 30, `${clock.asked} questions`);
  clock.costMs = 0;
  await drain(volume);
  assert.equal(volume.store.counts.put, 90);
});

Deno.test("WriteBack never sends what is removed before its time", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  const calls = await volume.calls(async () => {
    await volume.write("temp", "x");
    await volume.unlink("temp");
    await volume.mkdir("d");
    await volume.fs.rmdir(ROOT_INODE, "d", context);
    await clock.advance(60_000);
    await drain(volume);
  });
  assert.deepEqual(calls, {});
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("WriteBack sends a save by a temporary file as one upload over the old object", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.putObject("report.txt", "old");
  await volume.list("");
  const before = await volume.store.head("report.txt", context.signal);
  const calls = await volume.calls(async () => {
    await volume.write(".report.txt.tmp", "new");
    await volume.rename(".report.txt.tmp", "report.txt");
    await drain(volume);
  });
  assert.deepEqual(calls, { head: 1, put: 1 }, "HEAD: for what the old object says about itself");
  assert.notEqual((await volume.store.head("report.txt", context.signal)).etag, before.etag);
  assert.equal(await volume.object("report.txt"), "new");
  assert.deepEqual(await volume.list(""), ["report.txt"]);
});

Deno.test("WriteBack sends several changes of attributes as one copy", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.putObject("f", "text");
  const ino = await volume.ino("f");
  const calls = await volume.calls(async () => {
    await volume.fs.setattr(ino, { mode: 0o755 }, undefined, context);
    await volume.fs.setattr(ino, { uid: 7, gid: 8 }, undefined, context);
    await volume.fs.setattr(ino, { mtime: { sec: 9, nsec: 0 } }, undefined, context);
    await drain(volume);
  });
  assert.deepEqual(calls, { head: 1, copy: 1 });
  const { metadata } = await volume.store.head("f", context.signal);
  assert.deepEqual(metadata, { mode: String(0o100755), uid: "7", gid: "8", mtime: "9" });
});

Deno.test("WriteBack takes attributes along with content that is not sent yet", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.list("");
  const calls = await volume.calls(async () => {
    await volume.write("f", "text");
    await volume.fs.setattr(await volume.ino("f"), { mode: 0o600 }, undefined, context);
    await drain(volume);
  });
  assert.deepEqual(calls, { put: 1 });
  const { metadata } = await volume.store.head("f", context.signal);
  assert.equal(metadata!["mode"], String(0o100600));
});

Deno.test("WriteBack sends what is open and quiet without a close, and journals it before that", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  const file = await volume.create("log");
  volume.writeOpen(file, "line");
  assert.deepEqual(volume.journal.entries("change"), []);
  await clock.advance(5000);
  await until(() => volume.journal.entries("change").length === 1);
  for (let i = 0; i < 4 && volume.store.counts.put === 0; i++) {
    await clock.advance(5000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await until(() => volume.store.counts.put === 1);
  assert.equal(await volume.object("log"), "line");
  await volume.close(file);
});

Deno.test("WriteBack lets fsync wait for S3 where it is told to, and close for the journal", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", fsync: "remote", clock });
  const file = await volume.create("f");
  volume.writeOpen(file, "one");
  await volume.fs.fsync(file.ino, file.fh, false, context);
  assert.equal(await volume.object("f"), "one");
  volume.writeOpen(file, "two");
  await volume.close(file);
  assert.equal(await volume.object("f"), "one");
  await drain(volume);
  assert.equal(await volume.object("f"), "two");
});

Deno.test("WriteBack lets fsync wait for the journal, and close for S3, where it is told to", async () => {
  await using volume = new MemoryVolume({ durability: "remote", fsync: "journal" });
  const file = await volume.create("f");
  volume.writeOpen(file, "one");
  await volume.fs.fsync(file.ino, file.fh, false, context);
  assert.equal(volume.store.counts.put, 0);
  assert.equal(volume.journal.entries("change").length, 1);
  await volume.close(file);
  assert.equal(await volume.object("f"), "one");
});

Deno.test("WriteBack uploads again what was changed during its upload, with the last state at the end", async () => {
  const { volume } = journalled();
  await using _ = volume;
  const file = await volume.create("f");
  volume.writeOpen(file, "first");
  let once = true;
  volume.store.hook = ({ method }) => {
    if (method !== "put" || !once) return;
    once = false;
    volume.writeOpen(file, "later");
  };
  await volume.fs.flush(file.ino, file.fh, context);
  await drain(volume);
  await volume.close(file);
  assert.equal(await volume.object("f"), "later");
  assert.equal(volume.store.counts.put, 2);
});

Deno.test("WriteBack sends one file once at a time, also when it takes the place of one that waits", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.list("");
  const held = new Map<string, PromiseWithResolvers<void>>();
  volume.store.hook = async ({ method, key }) => {
    if (method !== "put" || key === "target") return;
    held.set(key!, Promise.withResolvers());
    await held.get(key!)!.promise;
  };
  // All four lanes for small files are taken; "target" waits for one.
  for (const name of ["a", "b", "c", "temp"]) await volume.write(name, name);
  const drains = [drain(volume)];
  await until(() => held.size === 4);
  await volume.write("target", "old");
  drains.push(drain(volume));
  await until(() => volume.fs.uploads().active === 5);
  await volume.rename("temp", "target");
  held.get("a")!.resolve();
  await until(() => volume.fs.uploads().active < 5);
  await turns(20);
  for (const { resolve } of held.values()) resolve();
  await Promise.all(drains);
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["a", "b", "c", "target"]);
  assert.equal(await volume.object("target"), "temp");
  assert.equal(await volume.read("target"), "temp");
  assert.deepEqual(volume.journal.entries(), []);
});
