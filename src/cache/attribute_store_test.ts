import assert from "node:assert/strict";
import { AttributeDatabase } from "./attribute_store.ts";

Deno.test("AttributeStore remembers over a restart, each bucket by itself", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/metadata.db`;
    const all = { mode: 0o100600, uid: 1, gid: 2, mtime: { sec: -1, nsec: 3 }, target: "x" };
    const before = new AttributeDatabase(path);
    before.of("one").set("a/", "b", '"etag"', all);
    before.of("one").set("a/", "c", "", {});
    before.close();
    const after = new AttributeDatabase(path);
    assert.deepEqual(after.of("one").directory("a/"), [
      { name: "b", etag: '"etag"', attributes: all },
      { name: "c", etag: "", attributes: {} },
    ]);
    assert.deepEqual(after.of("one").get("a/", "b")?.attributes, all);
    assert.deepEqual(after.of("two").directory("a/"), []);
    after.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("AttributeStore.moveTree moves what is below a prefix, exactly", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  for (const prefix of ["dir/", "dir/sub/", "dir/é/", "dir2/", ""]) {
    store.set(prefix, "name", "e", { uid: 7 });
  }
  store.moveTree("dir/", "né/w/");
  for (const prefix of ["né/w/", "né/w/sub/", "né/w/é/", "dir2/", ""]) {
    assert.equal(store.directory(prefix).length, 1, prefix);
  }
  assert.equal(store.directory("dir/").length, 0);
  database.close();
});

Deno.test("AttributeStore.setAll takes all rows or none", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  const row = (name: string) => ({ name, etag: "e", attributes: {} });
  store.setAll("d/", [row("a"), row("b")]);
  store.delete("d/", "a");
  assert.deepEqual(store.directory("d/").map((r) => r.name), ["b"]);
  const bad = { name: "x", etag: "e", attributes: { mtime: { sec: 0, nsec: 0 } } };
  bad.attributes.mtime.sec = Symbol("not a number") as never;
  assert.throws(() => store.setAll("d/", [row("c"), bad]));
  assert.deepEqual(store.directory("d/").map((r) => r.name), ["b"]);
  database.close();
});
