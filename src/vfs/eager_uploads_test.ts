import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { drain } from "../../tests/support/journalled_volume.ts";
import {
  advance,
  context,
  MemoryVolume,
  type MemoryVolumeOptions,
  type OpenFile,
  until,
} from "../../tests/support/memory_volume.ts";
import { timespecOfMs } from "../base/posix.ts";
import { TransportError } from "../s3/errors.ts";
import { O_TRUNC } from "./open_flags.ts";

const MIB = 2 ** 20;
const O_RDWR = 2;

function volumeWith(options: MemoryVolumeOptions): MemoryVolume {
  return new MemoryVolume({ clock: new FakeClock(Date.UTC(2026, 0, 1)), ...options });
}

const remote = () => volumeWith({ durability: "journal", fsync: "remote" });
const journalled = () => volumeWith({ durability: "journal" });

/** Byte i is of MiB i >> 20. */
function pattern(size: number, salt = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += MIB) bytes.fill((at / MIB + salt) % 251, at, at + MIB);
  return bytes;
}

/** Writes `bytes` as a program does: from the first to the last, a MiB at a time. */
function append(volume: MemoryVolume, file: OpenFile, bytes: Uint8Array, offset = 0): void {
  for (let at = 0; at < bytes.length; at += MIB) {
    const data = bytes.slice(at, at + MIB);
    volume.fs.write(file.ino, file.fh, offset + at, data, context);
  }
}

/** Lets parts go up until so many have arrived. */
async function arrived(volume: MemoryVolume, parts: number): Promise<void> {
  await until(() => volume.journal.entries("part").length === parts);
}

const fsync = (volume: MemoryVolume, { ino, fh }: OpenFile) =>
  volume.fs.fsync(ino, fh, false, context);

async function checkObject(volume: MemoryVolume, key: string, expected: Uint8Array): Promise<void> {
  const body = await volume.store.get(key, {}, context.signal);
  const bytes = await body.read(new Uint8Array(body.info.size));
  assert.equal(bytes.length, expected.length);
  assert.equal(Buffer.compare(bytes, expected), 0);
}

Deno.test("A large file goes up while it is written; fsync sends the last part and makes the object", async () => {
  await using volume = remote();
  const bytes = pattern(41 * MIB);
  const file = await volume.create("f");
  const first = await volume.calls(async () => {
    append(volume, file, bytes);
    await arrived(volume, 5);
  });
  assert.deepEqual(first, { createMultipart: 1, uploadPart: 5 });
  const rest = await volume.calls(() => fsync(volume, file));
  assert.deepEqual(rest, { uploadPart: 1, completeMultipart: 1 });
  await volume.close(file);
  await checkObject(volume, "f", bytes);
  assert.deepEqual(volume.journal.entries(), []);
  assert.equal(volume.store.openUploads, 0);
});

Deno.test("Parts do not wait for the notes of those before them, the object does", async () => {
  await using volume = remote();
  const stored = Promise.withResolvers<void>();
  volume.journal.beforeCommit = (ops) =>
    ops.some((op) => "put" in op && op.put.kind === "part") ? stored.promise : undefined;
  const file = await volume.create("f");
  append(volume, file, pattern(48 * MIB));
  await until(() => volume.store.counts.uploadPart === 6);
  const syncing = fsync(volume, file);
  await advance(volume, 1000);
  assert.equal(volume.store.counts.completeMultipart, 0);
  stored.resolve();
  await syncing;
  assert.equal(volume.store.counts.completeMultipart, 1);
  assert.equal(volume.store.counts.uploadPart, 6);
  await volume.close(file);
});

Deno.test("Whole parts that are left when somebody waits do not wait for those on their way", async () => {
  await using volume = remote();
  const { promise: first, resolve } = Promise.withResolvers<void>();
  let held = false;
  volume.store.hook = ({ method }) => {
    if (method !== "uploadPart" || held) return;
    held = true;
    return first;
  };
  const file = await volume.create("f");
  append(volume, file, pattern(96 * MIB));
  const syncing = fsync(volume, file);
  // All but the first.
  await until(() => volume.journal.entries("part").length === 11);
  resolve();
  await syncing;
  const { uploadPart, completeMultipart } = volume.store.counts;
  assert.deepEqual({ uploadPart, completeMultipart }, { uploadPart: 12, completeMultipart: 1 });
  await volume.close(file);
});

Deno.test("A file of less than 16 MiB is sent at its end, by one PUT", async () => {
  await using volume = remote();
  const file = await volume.create("f");
  const calls = await volume.calls(async () => {
    append(volume, file, pattern(16 * MIB - 1));
    await volume.close(file);
    await drain(volume);
  });
  assert.deepEqual(calls, { put: 1 });
});

Deno.test("Where nobody waits for S3, files go up early from 64 MiB on, unless their names are temporary", async () => {
  await using volume = journalled();
  const file = await volume.create("f");
  const temporary = await volume.create(".f.a1b2c3");
  const early = await volume.calls(() => append(volume, file, pattern(64 * MIB - 1)));
  assert.deepEqual(early, {});
  append(volume, temporary, pattern(64 * MIB));
  append(volume, file, pattern(MIB), 64 * MIB - 1);
  await arrived(volume, 8);
  assert.equal(volume.store.counts.createMultipart, 1);
  for (const open of [file, temporary]) await volume.close(open);
  await drain(volume);
  assert.equal(volume.store.counts.uploadPart, 9 + 8);
  assert.equal(volume.store.counts.createMultipart, 2);
});

Deno.test("A part that is changed after it was sent is sent again, and no other", async () => {
  await using volume = remote();
  const bytes = pattern(32 * MIB);
  const file = await volume.create("f");
  append(volume, file, bytes);
  await arrived(volume, 4);
  volume.writeOpen(file, "header", 0);
  bytes.set(new TextEncoder().encode("header"));
  const calls = await volume.calls(() => fsync(volume, file));
  assert.deepEqual(calls, { uploadPart: 1, completeMultipart: 1 });
  await checkObject(volume, "f", bytes);
  await volume.close(file);
});

Deno.test("A file that is written to here and there is not sent again and again", async () => {
  await using volume = remote();
  const bytes = pattern(24 * MIB);
  const file = await volume.create("f");
  append(volume, file, bytes);
  await arrived(volume, 3);
  const rewrite = async () => {
    for (let i = 0; i < 10; i++) volume.writeOpen(file, `${i}`, i * MIB);
    append(volume, file, pattern(16 * MIB), 24 * MIB);
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  assert.deepEqual(await volume.calls(rewrite), {});
  await fsync(volume, file);
  assert.equal(volume.store.counts.uploadPart, 3 + 4);
  await volume.close(file);
});

Deno.test("A hole is sent with the rest, at the end", async () => {
  await using volume = remote();
  const file = await volume.create("f");
  append(volume, file, pattern(8 * MIB), 16 * MIB);
  append(volume, file, pattern(8 * MIB), 0);
  await arrived(volume, 2);
  assert.deepEqual(
    await volume.calls(() => fsync(volume, file)),
    { uploadPart: 1, completeMultipart: 1 },
  );
  await volume.close(file);
  const expected = new Uint8Array(24 * MIB);
  expected.set(pattern(8 * MIB), 0);
  expected.set(pattern(8 * MIB), 16 * MIB);
  await checkObject(volume, "f", expected);
});

Deno.test("A file cut, grown or emptied after parts were sent becomes what it is, not what it was", async () => {
  await using volume = remote();
  const bytes = pattern(32 * MIB);
  for (const name of ["cut", "regrown", "emptied"]) {
    const file = await volume.create(name);
    append(volume, file, bytes);
    await arrived(volume, 4);
    if (name === "emptied") {
      const other = await volume.open(name, O_RDWR | O_TRUNC);
      append(volume, other, pattern(24 * MIB, 7));
      await volume.close(other);
    } else {
      await volume.fs.setattr(file.ino, { size: 10 * MIB }, file.fh, context);
      if (name === "regrown") append(volume, file, pattern(MIB, 3), 30 * MIB);
    }
    await fsync(volume, file);
    await volume.close(file);
  }
  await checkObject(volume, "cut", bytes.slice(0, 10 * MIB));
  const regrown = new Uint8Array(31 * MIB);
  regrown.set(bytes.subarray(0, 10 * MIB));
  regrown.set(pattern(MIB, 3), 30 * MIB);
  await checkObject(volume, "regrown", regrown);
  await checkObject(volume, "emptied", pattern(24 * MIB, 7));
  await advance(volume, 10_000);
  await until(() => volume.store.openUploads === 0);
});

Deno.test("The parts of a file that is removed or renamed while it is written do not stay on the server", async () => {
  await using volume = remote();
  const bytes = pattern(24 * MIB);
  const removed = await volume.create("removed");
  const renamed = await volume.create("renamed");
  append(volume, removed, bytes);
  append(volume, renamed, bytes);
  await arrived(volume, 6);
  await volume.unlink("removed");
  await volume.rename("renamed", "new name");
  await advance(volume, 10_000);
  await until(() => volume.journal.entries("upload").length === 0);
  assert.equal(volume.store.openUploads, 0);
  append(volume, renamed, pattern(MIB), 24 * MIB);
  for (const file of [removed, renamed]) await volume.close(file);
  await drain(volume);
  assert.deepEqual(await volume.keys(), ["new name"]);
  assert.equal(volume.store.openUploads, 0);
});

Deno.test("What was sent of a file that was journalled is not sent again after a restart", async () => {
  await using volume = journalled();
  const bytes = pattern(70 * MIB);
  const file = await volume.create("f");
  append(volume, file, bytes);
  await arrived(volume, 8);
  await volume.close(file);
  await using next = await volume.restart();
  const calls = await next.calls(() => drain(next));
  // The metadata has the mtime that was kept here: it is set once the object is there.
  assert.deepEqual(calls, { uploadPart: 1, completeMultipart: 1, copy: 1 });
  await checkObject(next, "f", bytes);
  assert.deepEqual(next.journal.entries(), []);
});

Deno.test("What was sent of a file that nobody was promised is removed after a restart", async () => {
  await using volume = remote();
  const file = await volume.create("f");
  append(volume, file, pattern(24 * MIB));
  await arrived(volume, 3);
  await using next = await volume.restart();
  await advance(next, 10_000);
  await until(() => next.store.openUploads === 0);
  assert.deepEqual(await next.keys(), []);
  await volume.fs.close();
});

Deno.test("Parts that cannot be sent early are sent at the end", async () => {
  await using volume = remote();
  const bytes = pattern(24 * MIB);
  volume.store.hook = ({ method }) => {
    const details = { operation: "any", bucket: "b" };
    if (method === "uploadPart") throw new TransportError("reset", details);
  };
  const file = await volume.create("f");
  append(volume, file, bytes);
  await until(() => volume.store.counts.uploadPart > 0);
  volume.store.hook = undefined;
  await fsync(volume, file);
  await checkObject(volume, "f", bytes);
  await volume.close(file);
});

Deno.test("A large file that went up early keeps its time here, and a time that was set in S3", async () => {
  await using volume = remote();
  const mtime = { sec: 1_000_000_000, nsec: 5 };
  for (const name of ["plain", "timed"]) {
    const file = await volume.create(name);
    append(volume, file, pattern(16 * MIB));
    await arrived(volume, 2);
    if (name === "timed") await volume.fs.setattr(file.ino, { mtime }, file.fh, context);
    const calls = await volume.calls(() => fsync(volume, file));
    assert.deepEqual(calls, { completeMultipart: 1, ...(name === "timed" ? { copy: 1 } : {}) });
    await volume.close(file);
  }
  const plain = await volume.store.head("plain", context.signal);
  assert.equal(plain.metadata?.["mtime"], undefined);
  const timed = await volume.store.head("timed", context.signal);
  assert.equal(timed.metadata?.["mtime"], "1000000000.000000005");
  assert.deepEqual((await volume.entry("plain")).attr!.mtime, timespecOfMs(volume.clock.nowMs()));
  assert.deepEqual((await volume.entry("timed")).attr!.mtime, mtime);
});
