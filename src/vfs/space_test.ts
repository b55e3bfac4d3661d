import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { context, MemoryVolume, type OpenFile, until } from "../../tests/support/memory_volume.ts";

const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const COLLAPSE_RANGE = 8;
const ZERO_RANGE = 16;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const KIB = 1024;

const allocate = (
  volume: MemoryVolume,
  file: OpenFile,
  mode: number,
  offset: number,
  length: number,
) => volume.fs.fallocate(file.ino, file.fh, mode, offset, length);

const sizeOf = async (volume: MemoryVolume, file: OpenFile) =>
  (await volume.fs.getattr(file.ino, file.fh, context)).attr.size;

Deno.test("Space extends a file by fallocate, or not, with KEEP_SIZE", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  allocate(volume, file, KEEP_SIZE, 0, 100);
  assert.equal(await sizeOf(volume, file), 10);
  allocate(volume, file, 0, 5, 3);
  assert.equal(await sizeOf(volume, file), 10);
  allocate(volume, file, 0, 8, 6);
  assert.equal(await sizeOf(volume, file), 14);
  await volume.close(file);
  assert.equal(await volume.object("f"), "0123456789\0\0\0\0");
});

Deno.test("Space uploads nothing when fallocate has not changed the content", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  const calls = await volume.calls(async () => {
    allocate(volume, file, 0, 0, 10);
    allocate(volume, file, KEEP_SIZE, 0, 1000);
    await volume.close(file);
  });
  assert.deepEqual(calls, {});
});

Deno.test("Space punches holes and zeroes ranges, also in what was not fetched", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  allocate(volume, file, PUNCH_HOLE | KEEP_SIZE, 2, 3);
  assert.equal(await volume.readOpen(file), "01\0\0\x0056789");
  allocate(volume, file, PUNCH_HOLE | KEEP_SIZE, 8, 100);
  assert.equal(await volume.readOpen(file), "01\0\0\x00567\0\0");
  allocate(volume, file, ZERO_RANGE | KEEP_SIZE, 6, 100);
  assert.equal(await sizeOf(volume, file), 10);
  allocate(volume, file, ZERO_RANGE, 7, 5);
  await volume.close(file);
  assert.equal(await volume.object("f"), "01\0\0\x005\0\0\0\0\0\0");
});

Deno.test("Space refuses other kinds of fallocate, and files opened for reading", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  const reader = await volume.open("f", 0);
  for (const mode of [COLLAPSE_RANGE, PUNCH_HOLE, ZERO_RANGE | COLLAPSE_RANGE]) {
    assert.throws(() => allocate(volume, file, mode, 0, 5), failsWith("ENOTSUP"), `${mode}`);
  }
  assert.throws(() => allocate(volume, reader, 0, 0, 5), failsWith("EBADF"));
  await volume.close(file);
  await volume.close(reader);
});

Deno.test("Space tells where data and holes are", async () => {
  await using volume = new MemoryVolume();
  const file = await volume.create("sparse");
  volume.writeOpen(file, "x", 256 * KIB);
  await volume.fs.setattr(file.ino, { size: 1024 * KIB }, file.fh, context);
  const seek = (offset: number, whence: number) =>
    volume.fs.lseek(file.ino, file.fh, offset, whence);
  const data = seek(0, SEEK_DATA);
  assert.ok(data > 192 * KIB && data <= 256 * KIB, `${data}`);
  assert.equal(seek(0, SEEK_HOLE), 0);
  const hole = seek(256 * KIB, SEEK_HOLE);
  assert.ok(hole > 256 * KIB && hole <= 320 * KIB, `${hole}`);
  assert.throws(() => seek(hole, SEEK_DATA), failsWith("ENXIO"));
  for (const whence of [SEEK_DATA, SEEK_HOLE]) {
    assert.throws(() => seek(1024 * KIB, whence), failsWith("ENXIO"));
    assert.throws(() => seek(2048 * KIB, whence), failsWith("ENXIO"));
  }
  await volume.close(file);
});

Deno.test("Space takes an object for data, all of it", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  await volume.putObject("empty");
  const file = await volume.open("f", 0);
  assert.equal(volume.fs.lseek(file.ino, file.fh, 3, SEEK_DATA), 3);
  assert.equal(volume.fs.lseek(file.ino, file.fh, 3, SEEK_HOLE), 10);
  assert.throws(() => volume.fs.lseek(file.ino, file.fh, 10, SEEK_HOLE), failsWith("ENXIO"));
  await volume.close(file);
  const empty = await volume.open("empty", 0);
  assert.throws(() => volume.fs.lseek(empty.ino, empty.fh, 0, SEEK_DATA), failsWith("ENXIO"));
  await volume.close(empty);
});

/** copy_file_range of `length` bytes from the start of `from` to the start of a new `to`. */
async function copy(volume: MemoryVolume, from: string, to: string, length: number) {
  const source = await volume.open(from, 0);
  const target = await volume.create(to);
  try {
    return volume.fs.copyFileRange(source.ino, source.fh, 0, target.ino, target.fh, 0, length);
  } finally {
    await volume.close(source);
    await volume.close(target);
  }
}

Deno.test("Space has the server copy a whole object: no byte comes here", async () => {
  await using volume = new MemoryVolume();
  const options = { contentType: "text/x-special", metadata: { author: "me", mode: "33216" } };
  const body = new TextEncoder().encode("0123456789");
  await volume.store.put("a", body, options, context.signal);
  await volume.list("");
  const calls = await volume.calls(async () => {
    assert.equal(await copy(volume, "a", "b.txt", 1000), 10);
  });
  assert.equal(calls.copy, 1);
  assert.equal(calls.get, undefined);
  assert.equal(calls.put, undefined);
  assert.equal(await volume.object("b.txt"), "0123456789");
  assert.equal(await volume.read("b.txt"), "0123456789");
  const info = await volume.store.head("b.txt", context.signal);
  assert.equal(info.contentType, "text/plain", "what is copied is the bytes");
  assert.equal(info.metadata!["author"], undefined);
  assert.equal(await volume.read("a"), "0123456789");
});

Deno.test("Space has the server copy an object over another one, and what is written then counts", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.putObject("a", "0123456789");
  await volume.putObject("b", "old");
  await volume.list("");
  await copy(volume, "a", "b", 10);
  assert.equal(await volume.read("b"), "0123456789");
  const file = await volume.open("b");
  volume.writeOpen(file, "xy", 4);
  await volume.close(file);
  await using next = await volume.restart();
  assert.equal(await next.read("b"), "0123xy6789");
  await next.fs.drain(context.signal);
  assert.equal(await next.object("b"), "0123xy6789");
  assert.equal(await next.object("a"), "0123456789");
  assert.deepEqual(next.journal.entries(), []);
});

Deno.test("Space keeps the copy's source until the copy is made", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.putObject("a", "0123456789");
  await copy(volume, "a", "b", 10);
  await volume.unlink("a");
  await using next = await volume.restart();
  assert.equal(await next.read("b"), "0123456789");
  await next.fs.drain(context.signal);
  assert.deepEqual(await next.keys(), ["b"]);
  assert.equal(await next.object("b"), "0123456789");
});

Deno.test("Space keeps a server copy that is made over a file while its upload is under way", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.putObject("a", "0123456789");
  await volume.write("b", "first");
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "put") await held.promise;
  };
  const drained = volume.fs.drain(context.signal);
  await until(() => volume.store.counts.put === 2);
  await copy(volume, "a", "b", 10);
  held.resolve();
  await drained;
  await volume.fs.drain(context.signal);
  assert.equal(await volume.read("b"), "0123456789");
  assert.equal(await volume.object("b"), "0123456789");
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
  assert.deepEqual(volume.journal.entries(), []);
});

Deno.test("Space leaves everything but whole objects to read and write", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.putObject("a", "0123456789");
  await volume.putObject("empty");
  await volume.write("dirty", "not in S3");
  const refused = failsWith("ENOTSUP");
  await assert.rejects(copy(volume, "a", "part", 9), refused);
  await assert.rejects(copy(volume, "dirty", "copy", 100), refused);
  await assert.rejects(copy(volume, "empty", "copy2", 100), refused);
  const from = await volume.open("a", 0);
  const to = await volume.open("dirty");
  const call = (offset: number, offsetTo: number) =>
    volume.fs.copyFileRange(from.ino, from.fh, offset, to.ino, to.fh, offsetTo, 10);
  assert.throws(() => call(0, 0), refused, "the target is not empty");
  assert.throws(() => call(1, 0), refused);
  assert.throws(() => call(0, 5), refused);
  await volume.close(from);
  await volume.close(to);
  assert.equal(await volume.read("dirty"), "not in S3");
});
