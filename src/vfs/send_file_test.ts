import assert from "node:assert/strict";
import { drain, journalled, loseAnswer } from "../../tests/support/journalled_volume.ts";
import { advance, context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { AttributeDatabase } from "../listings/attribute_store.ts";

const MIB = 2 ** 20;

async function checkUploaded(volume: MemoryVolume, key: string, text: string): Promise<void> {
  await drain(volume);
  await advance(volume, 10_000);
  await until(() => volume.journal.entries().length === 0);
  assert.deepEqual(await volume.keys(), [key]);
  assert.equal(await volume.object(key), text);
  assert.deepEqual(volume.fs.problems(), []);
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
  assert.equal(volume.store.openUploads, 0);
}

Deno.test("SendFile knows its own edit of a small object again after a kill before the answer", async () => {
  await using volume = journalled();
  await volume.putObject("f", "0123456789");
  const file = await volume.open("f");
  volume.writeOpen(file, "abc", 3);
  await volume.close(file);
  await loseAnswer(volume, "put");
  assert.equal(await volume.object("f"), "012abc6789");
  await using next = await volume.restart();
  await checkUploaded(next, "f", "012abc6789");
});

Deno.test("SendFile knows its own edit of a large object again after a kill before the answer", async () => {
  await using volume = journalled();
  const text = "0123456789abcdef".repeat(24 * MIB / 16);
  await volume.putObject("f", text);
  const file = await volume.open("f");
  volume.writeOpen(file, "edited", 10 * MIB);
  await volume.close(file);
  await loseAnswer(volume, "completeMultipart");
  await using next = await volume.restart();
  const edited = `${text.slice(0, 10 * MIB)}edited${text.slice(10 * MIB + 6)}`;
  await checkUploaded(next, "f", edited);
});

Deno.test("SendFile knows its own large new object again after a kill before the answer", async () => {
  await using volume = journalled();
  const text = "0123456789abcdef".repeat(17 * MIB / 16);
  await volume.write("f", text);
  await loseAnswer(volume, "completeMultipart");
  await using next = await volume.restart();
  await checkUploaded(next, "f", text);
});

Deno.test("SendFile knows its own change of attributes again after a kill before the answer", async () => {
  await using volume = journalled();
  await volume.putObject("f", "text");
  await volume.fs.setattr(await volume.ino("f"), { mode: 0o600 }, undefined, context);
  await loseAnswer(volume, "copy");
  await using next = await volume.restart();
  await checkUploaded(next, "f", "text");
  assert.equal((await next.store.head("f", context.signal)).metadata!["mode"], String(0o100600));
});

Deno.test("SendFile knows its own change of a large object's attributes again, which gives it another ETag", async () => {
  await using volume = journalled();
  const text = "0123456789abcdef".repeat(17 * MIB / 16);
  await volume.write("f", text);
  await drain(volume);
  const { etag } = await volume.store.head("f", context.signal);
  await volume.fs.setattr(await volume.ino("f"), { mode: 0o600 }, undefined, context);
  await loseAnswer(volume, "copy");
  assert.notEqual((await volume.store.head("f", context.signal)).etag, etag);
  await using next = await volume.restart();
  await checkUploaded(next, "f", text);
  assert.equal((await next.entry("f")).attr!.mode, 0o100600);
});

Deno.test("SendFile knows its own copy of a large renamed object again, which has another ETag", async () => {
  await using volume = journalled();
  const text = "0123456789abcdef".repeat(17 * MIB / 16);
  await volume.write("f", text);
  await drain(volume);
  await volume.rename("f", "g");
  await loseAnswer(volume, "copy");
  await using next = await volume.restart();
  await checkUploaded(next, "g", text);
});

Deno.test("SendFile keeps what the user said of an object, through rewriting and renaming", async () => {
  await using volume = journalled();
  const own = { contentType: "text/x-own", metadata: { author: "me" }, tags: { t: "1" } };
  const body = new TextEncoder().encode("old");
  for (const key of ["a", "b", "c", "d"]) await volume.store.put(key, body, own, context.signal);
  await volume.write("a", "rewritten");
  await volume.write("b", "rewritten and renamed");
  await volume.rename("b", "b2");
  await volume.rename("c", "c2");
  await volume.write("c2", "renamed and rewritten");
  await volume.write("temp", "saved by a temporary file");
  await volume.rename("temp", "d");
  await using next = await volume.restart();
  for (const each of [next, volume]) {
    await drain(each);
    for (const key of ["a", "b2", "c2", "d"]) {
      const { contentType, metadata } = await each.store.head(key, context.signal);
      assert.equal(contentType, own.contentType, key);
      assert.equal(metadata!["author"], "me", key);
      assert.deepEqual(await each.store.tags(key, context.signal), own.tags, key);
    }
    assert.deepEqual(await each.keys(), ["a", "b2", "c2", "d"]);
  }
});

Deno.test("SendFile makes a regular file of what takes the place of another program's symbolic link", async () => {
  await using volume = journalled();
  const names = ["--symlink-target", "gcsfuse_symlink_target"];
  for (const name of names) {
    const metadata = { [name]: "there", own: "stays" };
    await volume.store.put(name, new Uint8Array(0), { metadata }, context.signal);
  }
  for (const name of names) {
    await volume.write("temp", "text");
    await volume.rename("temp", name);
    await drain(volume);
    await using other = new MemoryVolume({ store: volume.store, attributes: "full" });
    assert.equal((await other.entry(name)).attr!.mode, 0o100644, name);
    assert.equal((await volume.store.head(name, context.signal)).metadata!["own"], "stays");
  }
});

Deno.test("SendFile sends what one lane cannot take beside what is in the other", async () => {
  await using volume = journalled();
  for (const name of ["big1", "big2", "big3"]) await volume.write(name, "x".repeat(16 * MIB));
  const held = Promise.withResolvers<void>();
  volume.store.hook = async ({ method }) => {
    if (method === "completeMultipart") await held.promise;
  };
  const drained = drain(volume);
  await until(() => volume.store.counts.completeMultipart === 2);
  await volume.write("small", "x");
  const small = drain(volume);
  await until(() => volume.store.counts.put === 1);
  assert.equal(await volume.object("small"), "x", "before the large ones");
  assert.equal(volume.store.counts.createMultipart, 2);
  held.resolve();
  await Promise.all([drained, small]);
});

Deno.test("SendFile does not lose the mode of a file that S3 has when a write that waits for S3 is killed", async () => {
  using stack = new DisposableStack();
  const database = stack.adopt(new AttributeDatabase(":memory:"), (it) => it.close());
  await using volume = new MemoryVolume({ database });
  for (const name of ["small", "large"]) {
    const file = await volume.create(name);
    await volume.fs.setattr(file.ino, { mode: 0o640 }, file.fh, context);
    volume.writeOpen(file, name === "small" ? "x" : "x".repeat(16 * MIB));
    const answered = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    volume.store.answerHook = ({ method }) => {
      if (method !== "put" && method !== "completeMultipart") return undefined;
      arrived.resolve();
      return answered.promise;
    };
    const closed = volume.close(file);
    await arrived.promise;
    await using next = new MemoryVolume({ database, store: volume.store });
    const { attr } = await next.entry(name);
    answered.resolve();
    await closed;
    assert.equal(attr?.mode, 0o100640);
  }
});
