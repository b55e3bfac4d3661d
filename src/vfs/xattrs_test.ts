import assert from "node:assert/strict";
import { failsWith } from "../../tests/support/fails_with.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { decodePosixMetadata } from "../listings/posix_metadata.ts";
import { AccessDeniedError } from "../s3/errors.ts";
import { type InodeNumber, ROOT_INODE } from "./file_system.ts";

const CREATE = 1;
const REPLACE = 2;

const bytes = (text: string) => new TextEncoder().encode(text);

const set = (volume: MemoryVolume, ino: InodeNumber, name: string, value: string, flags = 0) =>
  volume.fs.setxattr(ino, name, bytes(value), flags, context);
const get = async (volume: MemoryVolume, ino: InodeNumber, name: string) =>
  new TextDecoder().decode(await volume.fs.getxattr(ino, name, context));

Deno.test("Xattrs are kept in the object's metadata, for files and directories", async () => {
  await using volume = new MemoryVolume();
  await volume.write("f", "x");
  await volume.mkdir("d");
  for (const [path, key] of [["f", "f"], ["d", "d/"]] as const) {
    const ino = await volume.ino(path);
    await set(volume, ino, "user.a", "A");
    await set(volume, ino, "user.empty", "");
    assert.equal(await get(volume, ino, "user.a"), "A");
    assert.deepEqual(volume.fs.listxattr(ino).sort(), ["user.a", "user.empty"]);
    const { metadata } = await volume.store.head(key, context.signal);
    assert.deepEqual(decodePosixMetadata(metadata!).xattrs, { "user.a": "QQ==", "user.empty": "" });
    await volume.fs.removexattr(ino, "user.a", context);
    assert.deepEqual(volume.fs.listxattr(ino), ["user.empty"]);
    await assert.rejects(get(volume, ino, "user.a"), failsWith("ENODATA"));
    await assert.rejects(volume.fs.removexattr(ino, "user.a", context), failsWith("ENODATA"));
  }
});

Deno.test("Xattrs of an object of another program are found", async () => {
  await using first = new MemoryVolume();
  await first.write("f", "x");
  await set(first, await first.ino("f"), "user.a", "A");
  await using other = new MemoryVolume({ store: first.store });
  const ino = await other.ino("f");
  assert.equal(await get(other, ino, "user.a"), "A");
  await set(other, ino, "user.b", "B");
  const { metadata } = await first.store.head("f", context.signal);
  assert.deepEqual(Object.keys(decodePosixMetadata(metadata!).xattrs!), ["user.a", "user.b"]);
});

Deno.test("Xattrs hold to XATTR_CREATE and XATTR_REPLACE", async () => {
  await using volume = new MemoryVolume();
  await volume.write("f", "x");
  const ino = await volume.ino("f");
  await assert.rejects(set(volume, ino, "user.a", "1", REPLACE), failsWith("ENODATA"));
  await set(volume, ino, "user.a", "1", CREATE);
  await assert.rejects(set(volume, ino, "user.a", "2", CREATE), failsWith("EEXIST"));
  await set(volume, ino, "user.a", "2", REPLACE);
  assert.equal(await get(volume, ino, "user.a"), "2");
});

Deno.test("Xattrs fit into S3's 2 KB of metadata: E2BIG for one too large, ENOSPC for too many", async () => {
  await using volume = new MemoryVolume();
  const body = bytes("x");
  await volume.store.put("f", body, { metadata: { own: "o".repeat(1000) } }, context.signal);
  const ino = await volume.ino("f");
  await assert.rejects(set(volume, ino, "user.a", "v".repeat(2049)), failsWith("E2BIG"));
  await assert.rejects(set(volume, ino, "user.a", "v".repeat(1000)), failsWith("ENOSPC"));
  await set(volume, ino, "user.a", "v".repeat(300));
  await assert.rejects(set(volume, ino, "user.b", "v".repeat(500)), failsWith("ENOSPC"));
  assert.deepEqual(volume.fs.listxattr(ino), ["user.a"]);
  const { metadata } = await volume.store.head("f", context.signal);
  assert.equal(metadata!["own"], "o".repeat(1000));
});

Deno.test("Xattrs of other namespaces are not kept", async () => {
  await using volume = new MemoryVolume();
  await volume.write("f", "x");
  const ino = await volume.ino("f");
  for (const name of ["security.selinux", "system.posix_acl_access", "trusted.x"]) {
    await assert.rejects(set(volume, ino, name, "v"), failsWith("ENOTSUP"), name);
    await assert.rejects(get(volume, ino, name), failsWith("ENODATA"), name);
  }
});

Deno.test("Xattrs tell what S3 knows of the object, and cannot be set or listed there", async () => {
  await using volume = new MemoryVolume();
  await volume.write("d.txt", "x");
  const ino = await volume.ino("d.txt");
  const { etag } = await volume.store.head("d.txt", context.signal);
  assert.equal(await get(volume, ino, "user.cloudmount.etag"), etag);
  assert.equal(await get(volume, ino, "user.cloudmount.storage_class"), "STANDARD");
  assert.equal(await get(volume, ino, "user.cloudmount.upload_state"), "clean");
  assert.equal(await get(volume, ino, "user.cloudmount.url"), "s3://memory/d.txt");
  for (const name of ["version_id", "none"]) {
    await assert.rejects(get(volume, ino, `user.cloudmount.${name}`), failsWith("ENODATA"), name);
  }
  await assert.rejects(get(volume, ROOT_INODE, "user.cloudmount.url"), failsWith("ENODATA"));
  assert.deepEqual(volume.fs.listxattr(ino), []);
  await assert.rejects(set(volume, ino, "user.cloudmount.etag", "x"), failsWith("EPERM"));
  await assert.rejects(
    volume.fs.removexattr(ino, "user.cloudmount.etag", context),
    failsWith("EPERM"),
  );
});

Deno.test("Xattrs tell how an upload stands", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.write("f", "x");
  const ino = await volume.ino("f");
  const state = () => get(volume, ino, "user.cloudmount.upload_state");
  assert.equal(await state(), "dirty");
  await assert.rejects(get(volume, ino, "user.cloudmount.etag"), failsWith("ENODATA"));
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "put") await held.promise;
  };
  const drained = assert.rejects(volume.fs.drain(context.signal), failsWith("EACCES"));
  await until(() => volume.store.counts.put === 1);
  assert.equal(await state(), "uploading");
  held.reject(new AccessDeniedError("no", { operation: "PutObject", bucket: "b" }));
  await drained;
  assert.equal(await state(), "failed");
  volume.store.hook = undefined;
  await volume.fs.drain(context.signal);
  assert.equal(await state(), "clean");
});

Deno.test("Xattrs go up with the content, and survive a restart before that", async () => {
  const clock = new FakeClock();
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.putObject("there", "x");
  await set(volume, await volume.ino("there"), "user.a", "A");
  const file = await volume.create("new");
  await set(volume, file.ino, "user.b", "B");
  await volume.close(file);
  await using next = await volume.restart();
  assert.equal(await get(next, await next.ino("there"), "user.a"), "A");
  assert.equal(await get(next, await next.ino("new"), "user.b"), "B");
  const calls = await next.calls(() => next.fs.drain(context.signal));
  assert.equal(calls.put, 1);
  assert.equal(calls.copy, 1);
  const { metadata } = await next.store.head("new", context.signal);
  assert.deepEqual(decodePosixMetadata(metadata!).xattrs, { "user.b": "Qg==" });
});
