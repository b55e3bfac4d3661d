import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { TransportError } from "../s3/errors.ts";
import { type InodeNumber, ROOT_INODE } from "./file_system.ts";

const down = () => {
  throw new TransportError("refused", { operation: "any", bucket: "bucket" });
};

Deno.test("S3FileSystem shows objects as files and prefixes as directories", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("a.txt", "hello");
  await volume.putObject("dir/b", "x");
  await volume.putObject("empty/");
  assert.deepEqual(await volume.list(""), ["a.txt", "dir", "empty"]);
  assert.deepEqual(await volume.list("dir"), ["b"]);
  assert.deepEqual(await volume.list("empty"), []);
  assert.equal(await volume.read("a.txt"), "hello");
  assert.equal((await volume.entry("dir/none")).ino, 0);
});

Deno.test("S3FileSystem answers lookups and attributes of a listed directory without requests", async () => {
  await using volume = new MemoryVolume();
  for (let i = 0; i < 20; i++) await volume.putObject(`d/f${i}`, "x");
  for (const dirent of await volume.dirents("d")) dirent.entry!();
  const before = { ...volume.store.counts };
  for (let i = 0; i < 20; i++) {
    const ino = await volume.ino(`d/f${i}`);
    await volume.fs.getattr(ino, undefined, context);
  }
  assert.equal((await volume.entry("d/missing")).ino, 0);
  assert.deepEqual(volume.store.counts, before);
  assert.equal(before.list, 2, "the root and d");
  assert.equal(before.head, 0);
});

Deno.test("S3FileSystem reads a small file by one GET and nothing else", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "hello");
  await volume.list("");
  const before = { ...volume.store.counts };
  assert.equal(await volume.read("f"), "hello");
  assert.deepEqual(volume.store.counts, { ...before, get: before.get + 1 });
});

Deno.test("S3FileSystem uploads a new file on close, and not again when nothing changed", async () => {
  await using volume = new MemoryVolume();
  await volume.write("new.txt", "content");
  assert.equal(await volume.object("new.txt"), "content");
  const file = await volume.open("new.txt");
  await volume.close(file);
  assert.equal(volume.store.counts.put, 1);
  const info = await volume.store.head("new.txt", context.signal);
  assert.equal(info.contentType, "text/plain");
  assert.match(info.metadata!["mtime"]!, /^\d+(\.\d+)?$/);
});

Deno.test("S3FileSystem shows a file being written to others before it is in S3", async () => {
  await using volume = new MemoryVolume();
  const created = await volume.fs.create(ROOT_INODE, "f", 0o600, 2, context);
  const ino = created.entry.ino as InodeNumber;
  const { fh } = created.open;
  volume.fs.write(ino, fh, 0, new TextEncoder().encode("half"), context);
  assert.deepEqual(await volume.list(""), ["f"]);
  assert.equal(await volume.read("f"), "half");
  assert.deepEqual(await volume.keys(), [], "to close what was opened for reading uploads nothing");
  assert.equal((await volume.fs.getattr(ino, undefined, context)).attr.mode, 0o100600);
  await volume.close({ ino, fh });
});

Deno.test("S3FileSystem edits in place: what was not written comes from the object", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  volume.fs.write(file.ino, file.fh, 3, new TextEncoder().encode("abc"), context);
  assert.equal(await volume.readOpen(file), "012abc6789");
  await volume.fs.setattr(file.ino, { size: 8 }, file.fh, context);
  await volume.fs.setattr(file.ino, { size: 10 }, file.fh, context);
  await volume.close(file);
  assert.equal(await volume.object("f"), "012abc67\0\0");
  assert.equal(await volume.read("f"), "012abc67\0\0");
});

Deno.test("S3FileSystem truncates by path with the result in S3", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "0123456789");
  await volume.fs.setattr(await volume.ino("f"), { size: 4 }, undefined, context);
  assert.equal(await volume.object("f"), "0123");
});

Deno.test("S3FileSystem keeps the user's metadata and content type when it rewrites an object", async () => {
  await using volume = new MemoryVolume();
  const body = new TextEncoder().encode("x");
  const options = { contentType: "text/x-special", metadata: { author: "me" } };
  await volume.store.put("f", body, options, context.signal);
  await volume.write("f", "longer");
  await volume.fs.setattr(await volume.ino("f"), { mode: 0o600 }, undefined, context);
  const info = await volume.store.head("f", context.signal);
  assert.equal(info.contentType, "text/x-special");
  assert.equal(info.metadata!["author"], "me");
  assert.equal(info.metadata!["mode"], String(0o100600));
});

Deno.test("S3FileSystem changes attributes by one copy and no transfer", async () => {
  await using volume = new MemoryVolume();
  await volume.write("f", "x");
  const before = { ...volume.store.counts };
  const mtime = { sec: 1000, nsec: 5 };
  const reply = await volume.fs.setattr(await volume.ino("f"), { mtime }, undefined, context);
  assert.deepEqual(reply.attr.mtime, mtime);
  assert.deepEqual(volume.store.counts, { ...before, copy: before.copy + 1 });
});

Deno.test("S3FileSystem remembers what was set here over a restart, without asking for it", async () => {
  await using first = new MemoryVolume();
  await first.write("run.sh", "x");
  await first.fs.setattr(await first.ino("run.sh"), { mode: 0o755, uid: 7 }, undefined, context);
  await first.fs.symlink(ROOT_INODE, "link", "run.sh", context);
  await first.fs.mkdir(ROOT_INODE, "d", 0o700, context);
  const [one, two, three] = await Promise.all(["run.sh", "link", "d"].map(async (name) => {
    const key = name === "d" ? "d/" : name;
    return (await first.store.head(key, context.signal)).metadata;
  }));
  assert.equal(one!["mode"], String(0o100755));
  assert.equal(one!["uid"], "7");
  assert.equal(two!["mode"], String(0o120777));
  assert.equal(three!["mode"], String(0o040700));

  await using full = new MemoryVolume({ store: first.store, attributes: "full" });
  assert.equal((await full.entry("run.sh")).attr!.mode, 0o100755);
  assert.equal((await full.entry("d")).attr!.mode, 0o040700);
  const link = await full.entry("link");
  assert.equal(link.attr!.mode, 0o120777);
  assert.equal(await full.fs.readlink(link.ino as InodeNumber, context), "run.sh");
});

Deno.test("S3FileSystem makes and removes directories as objects", async () => {
  await using volume = new MemoryVolume();
  await volume.fs.mkdir(ROOT_INODE, "d", 0o755, context);
  assert.deepEqual(await volume.keys(), ["d/"]);
  await assert.rejects(volume.fs.mkdir(ROOT_INODE, "d", 0o755, context), failsWith("EEXIST"));
  await volume.write("d/f", "x");
  await assert.rejects(volume.fs.rmdir(ROOT_INODE, "d", context), failsWith("ENOTEMPTY"));
  await volume.fs.unlink(await volume.ino("d"), "f", context);
  await volume.fs.rmdir(ROOT_INODE, "d", context);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual(await volume.list(""), []);
});

Deno.test("S3FileSystem does not remove a directory that another client has filled", async () => {
  await using volume = new MemoryVolume();
  await volume.fs.mkdir(ROOT_INODE, "d", 0o755, context);
  await volume.list("d");
  await volume.putObject("d/theirs", "x");
  await assert.rejects(volume.fs.rmdir(ROOT_INODE, "d", context), failsWith("ENOTEMPTY"));
  assert.deepEqual(await volume.list("d"), ["theirs"]);
});

Deno.test("S3FileSystem keeps a directory that existed by its files only when they go", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("implicit/f", "x");
  await volume.fs.unlink(await volume.ino("implicit"), "f", context);
  assert.deepEqual(await volume.keys(), ["implicit/"]);
  assert.deepEqual(await volume.list(""), ["implicit"]);
});

Deno.test("S3FileSystem goes on with a removed file that is open for writing", async () => {
  await using volume = new MemoryVolume();
  await volume.write("f", "before");
  const file = await volume.open("f");
  volume.fs.write(file.ino, file.fh, 0, new TextEncoder().encode("after!"), context);
  await volume.fs.unlink(ROOT_INODE, "f", context);
  assert.equal(await volume.readOpen(file), "after!");
  await volume.close(file);
  assert.deepEqual(await volume.keys(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("S3FileSystem keeps a removed or replaced file readable for those who have it open", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("removed", "still here");
  await volume.putObject("replaced", "old text");
  await volume.putObject("new", "new text");
  const removed = await volume.open("removed", 0);
  const replaced = await volume.open("replaced", 0);
  await volume.fs.unlink(ROOT_INODE, "removed", context);
  await volume.fs.rename(ROOT_INODE, "new", ROOT_INODE, "replaced", 0, context);
  assert.equal(await volume.readOpen(removed), "still here");
  assert.equal(await volume.readOpen(replaced), "old text");
  assert.equal(await volume.read("replaced"), "new text");
  assert.deepEqual(await volume.keys(), ["replaced"]);
  await volume.close(removed);
  await volume.close(replaced);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
});

Deno.test("S3FileSystem never mixes two versions: an open file that changed in S3 is stale", async () => {
  await using volume = new MemoryVolume({ ttlMs: 0 });
  await volume.putObject("f", "first version");
  const old = await volume.open("f", 0);
  assert.equal(await volume.readOpen(old), "first version");
  await volume.putObject("f", "second");
  const renewed = await volume.open("f", 0);
  assert.notEqual(renewed.ino, old.ino, "a new version is a new inode while the old one is open");
  assert.equal(await volume.readOpen(renewed), "second");
  await volume.close(renewed);
  await volume.close(old);
});

Deno.test("S3FileSystem wants no flush of what was opened for reading only", async () => {
  await using volume = new MemoryVolume();
  await volume.write("f", "text");
  const ino = await volume.ino("f");
  const open = async (flags: number) => await volume.fs.open(ino, flags, context);
  const [reading, writing] = [await open(0), await open(2)];
  assert.equal(reading.noFlush, true);
  assert.equal(writing.noFlush, false);
  const created = await volume.fs.create(ROOT_INODE, "new", 0o600, 0, context);
  assert.equal(created.open.noFlush, false, "it may have made the file");
  await volume.close({ ino, fh: reading.fh });
  await volume.close({ ino, fh: writing.fh });
  await volume.close({ ino: created.entry.ino as InodeNumber, fh: created.open.fh });
});

Deno.test("S3FileSystem lets the kernel keep its pages while the content is the same", async () => {
  await using volume = new MemoryVolume({ ttlMs: 0 });
  const keepsCache = async () => {
    const ino = await volume.ino("f");
    const { fh, keepCache } = await volume.fs.open(ino, 0, context);
    await volume.close({ ino, fh });
    return keepCache;
  };
  await volume.write("f", "ours");
  assert.equal(await keepsCache(), true, "it has written them itself");
  await volume.putObject("f", "theirs");
  assert.equal(await keepsCache(), false);
  assert.equal(await keepsCache(), true);
});

Deno.test("S3FileSystem opens the present version when the listed one is gone", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "first version");
  await volume.list("");
  await volume.putObject("f", "second");
  const file = await volume.open("f", 0);
  assert.equal(await volume.readOpen(file), "second");
  assert.equal((await volume.fs.getattr(file.ino, file.fh, context)).attr.size, 6);
  await volume.close(file);
});

Deno.test("S3FileSystem does not try a failed read again at once, as the kernel does", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "text");
  const file = await volume.open("f", 0);
  volume.store.hook = down;
  await assert.rejects(volume.readOpen(file), failsWith("EIO"));
  const gets = volume.store.counts.get;
  await assert.rejects(volume.readOpen(file), failsWith("EIO"));
  assert.equal(volume.store.counts.get, gets);
  volume.store.hook = () => {};
  await volume.close(file);
});

Deno.test("S3FileSystem returns a failed upload from close, keeps the file, and uploads it later", async () => {
  await using volume = new MemoryVolume();
  await volume.list("");
  volume.store.hook = down;
  await assert.rejects(volume.write("f", "precious"), failsWith("EIO"));
  const status = volume.fs.uploads();
  assert.equal(status.pendingFiles, 1);
  assert.equal(status.pendingBytes, 8);
  assert.equal(status.failed[0]?.path, "f");
  assert.match(status.failed[0]!.message, /refused/);
  assert.equal(await volume.read("f"), "precious");
  volume.store.hook = () => {};
  await volume.fs.drain(context.signal);
  assert.equal(await volume.object("f"), "precious");
  assert.equal(volume.fs.uploads().pendingFiles, 0);
});

Deno.test("S3FileSystem leaves what it could not upload on the disk when the mount ends", async () => {
  const volume = new MemoryVolume();
  await volume.list("");
  volume.store.hook = down;
  // So much that it is not kept in the journal.
  const text = "precious".repeat(10_000);
  await assert.rejects(volume.write("f", text), failsWith("EIO"));
  await volume.fs.close();
  const names = [...Deno.readDirSync(volume.stagingDirectory)].map(({ name }) => name);
  assert.equal(names.length, 1);
  assert.equal(await Deno.readTextFile(`${volume.stagingDirectory}/${names[0]}`), text);
  assert.deepEqual(volume.journal.entries("change").map(({ key }) => key), ["f"]);
  await volume[Symbol.asyncDispose]();
});

Deno.test("S3FileSystem refuses every change on a read-only mount", async () => {
  await using volume = new MemoryVolume({ readOnly: true });
  await volume.putObject("f", "x");
  await volume.putObject("d/g", "x");
  const ino = await volume.ino("f");
  const changes: (() => unknown)[] = [
    () => volume.fs.open(ino, 1, context),
    () => volume.fs.create(ROOT_INODE, "new", 0o644, 2, context),
    () => volume.fs.mkdir(ROOT_INODE, "new", 0o755, context),
    () => volume.fs.symlink(ROOT_INODE, "new", "f", context),
    () => volume.fs.mknod(ROOT_INODE, "new", 0o100644, 0, context),
    () => volume.fs.unlink(ROOT_INODE, "f", context),
    () => volume.fs.rmdir(ROOT_INODE, "d", context),
    () => volume.fs.rename(ROOT_INODE, "f", ROOT_INODE, "g", 0, context),
    () => volume.fs.setattr(ino, { mode: 0o600 }, undefined, context),
    () => volume.fs.setxattr(ino, "user.a", new Uint8Array(1), 0, context),
    () => volume.fs.removexattr(ino, "user.a", context),
  ];
  for (const change of changes) {
    await assert.rejects(async () => await change(), failsWith("EROFS"), String(change));
  }
  assert.equal(await volume.read("f"), "x");
});

Deno.test("S3FileSystem drops an inode when the kernel has forgotten it and nothing is open", async () => {
  await using volume = new MemoryVolume();
  for (let i = 0; i < 50; i++) await volume.putObject(`d/f${i}`, "x");
  const inodes: InodeNumber[] = [];
  for (let i = 0; i < 50; i++) inodes.push(await volume.ino(`d/f${i}`));
  assert.equal(volume.fs.counts().inodes, 52);
  for (const ino of inodes) volume.fs.forget(ino, 1);
  volume.fs.forget(await volume.ino("d"), 51);
  assert.deepEqual(volume.fs.counts(), { inodes: 1, handles: 0 });
});

Deno.test("S3FileSystem hides and counts keys that cannot be names", async () => {
  await using volume = new MemoryVolume();
  for (const key of ["a//b", "/lead", "both", "both/x", `${"n".repeat(256)}`, "ok"]) {
    await volume.putObject(key, "x");
  }
  assert.deepEqual(await volume.list(""), ["a", "both", "ok"]);
  assert.deepEqual(await volume.list("a"), []);
  assert.deepEqual(await volume.list("both"), ["x"]);
  assert.equal(volume.fs.hiddenKeyCount, 4);
});

Deno.test("S3FileSystem creates with O_EXCL only what is not there, and no names too long", async () => {
  await using volume = new MemoryVolume();
  await volume.putObject("f", "x");
  const create = (name: string, flags: number) =>
    volume.fs.create(ROOT_INODE, name, 0o644, flags, context);
  await assert.rejects(create("f", 2 | 0o200), failsWith("EEXIST"));
  await assert.rejects(create("é".repeat(128), 2), failsWith("ENAMETOOLONG"));
  const opened = await create("f", 2);
  await volume.close({ ino: opened.entry.ino as InodeNumber, fh: opened.open.fh });
  assert.equal(await volume.object("f"), "x");
});
