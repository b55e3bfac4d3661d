import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { drain } from "../../tests/support/journalled_volume.ts";
import { advance, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { SystemError } from "../ffi/system_error.ts";
import { JournalError } from "../journal/journal_error.ts";
import { AccessDeniedError, TransportError } from "../s3/errors.ts";
import type { StoreCall } from "../s3/stores/memory.ts";
import type { ChangeRecord } from "./change_record.ts";

const details = { operation: "any", bucket: "bucket" };
const full = () => {
  throw new JournalError("full", "no room");
};
const reset = () => {
  throw new TransportError("reset", details);
};

function journalled(): { volume: MemoryVolume; clock: FakeClock } {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  return { volume: new MemoryVolume({ durability: "journal", clock }), clock };
}

const isIdle = (volume: MemoryVolume) => () => volume.fs.uploads().active === 0;

/** Lets the change of "f" be tried `count` times; returns the pauses between the attempts. */
async function pausesOf(volume: MemoryVolume, clock: FakeClock, count: number): Promise<number[]> {
  const tried: number[] = [];
  volume.store.hook = ({ method }) => {
    if (method !== "put") return;
    tried.push(clock.monotonicMs());
    reset();
  };
  await volume.write("f", "x");
  while (tried.length < count) {
    const before = tried.length;
    await clock.advance(250);
    if (tried.length > before) await until(isIdle(volume));
  }
  return tried.slice(1).map((at, index) => at - tried[index]!);
}

Deno.test("WriteBack tries again after pauses that grow up to a minute", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  const pauses = await pausesOf(volume, clock, 10);
  pauses.forEach((pause, index) => {
    const most = Math.min(60_000, 1000 * 2 ** index);
    assert.ok(pause >= most / 2 - 250 && pause <= most + 500, `${index}: ${pause}`);
  });
  const [failed] = volume.fs.uploads().failed;
  assert.equal(failed?.path, "f");
  assert.equal(failed.passing, true);
  assert.match(failed.message, /reset/);
  volume.store.hook = undefined;
  await clock.advance(60_000);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.equal(await volume.object("f"), "x");
});

Deno.test("WriteBack tries again also what has failed at once", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  volume.store.hook = reset;
  await volume.write("f", "x");
  await clock.advance(1000);
  await until(() => volume.fs.uploads().failed.length === 1);
  volume.store.hook = undefined;
  await clock.advance(1000);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.equal(await volume.object("f"), "x");
});

Deno.test("WriteBack begins with short pauses again when the file was changed", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  await pausesOf(volume, clock, 6);
  volume.store.hook = undefined;
  await volume.write("f", "mended");
  await clock.advance(1100);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.equal(await volume.object("f"), "mended");
});

Deno.test("WriteBack rarely repeats what time alone does not mend, and says so in the journal", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  volume.store.hook = ({ method }) => {
    if (method === "put") throw new AccessDeniedError("no", details);
  };
  await volume.write("f", "x");
  await clock.advance(1100);
  await until(() => volume.fs.uploads().failed.length === 1);
  assert.equal(volume.fs.uploads().failed[0]!.passing, false);
  const state = () => (volume.journal.entries("change")[0]?.value as ChangeRecord).state;
  await until(() => state() === "failed");
  await clock.advance(140_000);
  assert.equal(volume.store.counts.put, 1);
  volume.store.hook = undefined;
  await clock.advance(160_000);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.equal(await volume.object("f"), "x");
});

Deno.test("WriteBack.drain throws what time does not mend, after it has tried everything else", async () => {
  const { volume } = journalled();
  await using _ = volume;
  volume.store.hook = ({ key }) => {
    if (key === "bad") throw new AccessDeniedError("no", details);
  };
  for (const name of ["a", "bad", "c"]) await volume.write(name, name);
  await assert.rejects(drain(volume), failsWith("EACCES"));
  assert.deepEqual(await volume.keys(), ["a", "c"]);
  assert.deepEqual(volume.fs.uploads().paths, ["bad"]);
  volume.store.hook = undefined;
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["a", "bad", "c"]);
});

Deno.test("WriteBack.drain throws also what keeps a removal from being made", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.putObject("a", "A");
  await volume.rename("a", "b");
  volume.store.hook = ({ method }) => {
    if (method === "copy") throw new AccessDeniedError("no", details);
  };
  await assert.rejects(drain(volume), failsWith("EACCES"));
  assert.deepEqual(await volume.keys(), ["a"], "the only copy stays");
  volume.store.hook = undefined;
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["b"]);
});

Deno.test("WriteBack.drain tries again what fails for a passing reason", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  clock.isHasty = true;
  let failures = 4;
  volume.store.hook = ({ method }) => {
    if (method === "put" && failures-- > 0) reset();
  };
  await volume.write("f", "x");
  await drain(volume);
  assert.equal(await volume.object("f"), "x");
});

Deno.test("WriteBack.drain ends with its signal while S3 is away, and nothing is lost", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.write("f", "x");
  volume.store.hook = reset;
  const abort = new AbortController();
  const drained = assert.rejects(volume.fs.drain(abort.signal), /enough/);
  await until(() => volume.fs.uploads().failed.length === 1);
  await clock.advance(5000);
  abort.abort(new Error("enough"));
  await drained;
  assert.equal(volume.fs.uploads().pendingFiles, 1);
  assert.equal(volume.journal.entries("change").length, 1);
  volume.store.hook = undefined;
  await clock.advance(60_000);
  await until(() => volume.fs.uploads().pendingFiles === 0);
  assert.equal(await volume.object("f"), "x");
});

Deno.test("WriteBack recognises its own object when the answer to the upload was lost", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  clock.isHasty = true;
  let lost = 1;
  volume.store.answerHook = ({ method }: StoreCall) => {
    if (method === "put" && lost-- > 0) reset();
  };
  await volume.write("f", "x");
  await drain(volume);
  assert.equal(await volume.object("f"), "x");
  assert.equal(volume.store.counts.put, 2);
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.deepEqual(await volume.keys(), ["f"]);
  assert.equal(await volume.read("f"), "x");
});

Deno.test("WriteBack knows each of several uploads whose answers were lost", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  let lost = 2;
  volume.store.answerHook = ({ method }: StoreCall) => {
    if (method === "put" && lost-- > 0) reset();
  };
  for (const text of ["first", "second", "third"]) {
    await volume.write("f", text);
    await clock.advance(1100);
    await until(isIdle(volume));
  }
  for (let round = 0; round < 5; round++) {
    await clock.advance(5000);
    await until(isIdle(volume));
  }
  assert.deepEqual(await volume.list(""), ["f"]);
  assert.equal(await volume.object("f"), "third");
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("WriteBack knows its own upload whose answer was lost, when the file was renamed meanwhile", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  volume.store.answerHook = ({ method }: StoreCall) => {
    if (method === "put") reset();
  };
  await volume.write("f", "text");
  await clock.advance(1100);
  await until(() => volume.fs.uploads().failed.length === 1);
  volume.store.answerHook = undefined;
  await volume.rename("f", "g");
  await volume.write("f", "new");
  await using next = await volume.restart();
  for (const each of [next, volume]) {
    await advance(each, 60_000);
    await until(() => each.fs.uploads().pendingFiles === 0);
    assert.deepEqual(await each.keys(), ["f", "g"]);
    assert.equal(await each.object("f"), "new");
    assert.equal(await each.object("g"), "text");
    assert.deepEqual(each.fs.conflicts(), []);
  }
});

Deno.test("WriteBack removes what was stored by an upload whose answer was lost before the unlink", async () => {
  const { volume } = journalled();
  await using _ = volume;
  volume.store.answerHook = ({ method }: StoreCall) => {
    if (method === "put") reset();
  };
  const abort = new AbortController();
  await volume.write("f", "x");
  const drained = volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.fs.uploads().failed.length === 1);
  abort.abort();
  await drained;
  assert.deepEqual(await volume.keys(), ["f"]);
  volume.store.answerHook = undefined;
  await volume.unlink("f");
  await drain(volume);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual(volume.fs.conflicts(), []);
});

Deno.test("WriteBack removes what was stored by a lost upload also after a further attempt was given up", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.list("");
  volume.store.answerHook = ({ method }: StoreCall) => {
    if (method === "put") reset();
  };
  await volume.write("f", "x");
  await clock.advance(1100);
  await until(() => volume.fs.uploads().failed.length === 1);
  volume.store.answerHook = undefined;
  // Written to right before it is sent again.
  const file = await volume.open("f");
  volume.journal.beforeCommit = (ops) => {
    if (ops.some((op) => "put" in op && op.put.key === "f")) volume.writeOpen(file, "y");
  };
  await clock.advance(2000);
  await until(() => volume.fs.uploads().active === 0);
  volume.journal.beforeCommit = () => {};
  await volume.close(file);
  await volume.unlink("f");
  await drain(volume);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual(volume.fs.conflicts(), []);
});

Deno.test("WriteBack answers close with ENOSPC when the journal's disk is full, and keeps the file", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.list("");
  volume.journal.beforeCommit = full;
  await assert.rejects(volume.write("f", "precious"), failsWith("ENOSPC"));
  assert.equal(await volume.read("f"), "precious");
  volume.journal.beforeCommit = () => {};
  await volume.write("g", "next");
  const keys = volume.journal.entries("change").map(({ key }) => key).sort();
  assert.deepEqual(keys, ["f", "g"], "what failed is made up for");
  await drain(volume);
  assert.equal(await volume.object("f"), "precious");
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("WriteBack answers unlink, rename and mkdir with ENOSPC when the journal's disk is full", async () => {
  const { volume } = journalled();
  await using _ = volume;
  await volume.putObject("there", "x");
  for (const name of ["removed", "moved", "kept"]) await volume.write(name, name);
  volume.journal.beforeCommit = full;
  await assert.rejects(volume.unlink("removed"), failsWith("ENOSPC"));
  await assert.rejects(volume.rename("moved", "new"), failsWith("ENOSPC"));
  await assert.rejects(volume.rename("there", "here"), failsWith("ENOSPC"));
  await assert.rejects(volume.mkdir("d"), failsWith("ENOSPC"));
  volume.journal.beforeCommit = () => {};
  await volume.write("last", "x");
  await using next = await volume.restart();
  const names = await next.list("");
  assert.deepEqual(names, await volume.list(""), "the same as without a restart");
  assert.deepEqual(next.fs.problems(), []);
  await drain(next);
  assert.deepEqual(await next.list(""), names);
  assert.deepEqual(next.journal.entries(), []);
});

Deno.test("WriteBack tries again where the disk had no room: other uploads make some", async () => {
  const { volume, clock } = journalled();
  await using _ = volume;
  await volume.write("f", "x");
  let isFull = true;
  volume.store.hook = ({ method }) => {
    if (method === "put" && isFull) throw new SystemError("Cannot write", "pwrite", "ENOSPC", "f");
  };
  const draining = drain(volume);
  await until(() => volume.fs.uploads().failed.length === 1);
  assert.equal(volume.fs.uploads().failed[0]?.passing, true);
  isFull = false;
  await clock.advance(2000);
  await draining;
  assert.equal(await volume.object("f"), "x");
});
