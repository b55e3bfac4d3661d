import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
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

Deno.test("AttributeStore.copyTree copies what is below a prefix, exactly", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  database.of("other").set("dir/", "name", "e", { uid: 8 });
  for (const prefix of ["dir/", "dir/sub/", "dir/é/", "dir2/", ""]) {
    store.set(prefix, "name", "e", { uid: 7 });
  }
  store.set("né/w/", "name", "before", {});
  store.copyTree("dir/", "né/w/");
  for (const prefix of ["dir/", "dir/é/", "né/w/", "né/w/sub/", "né/w/é/", "dir2/", ""]) {
    const rows = [{ name: "name", etag: "e", attributes: { uid: 7 } }];
    assert.deepEqual(store.directory(prefix), rows, prefix);
  }
  assert.deepEqual(store.directory("né/w/2/"), []);
  assert.deepEqual(database.of("other").directory("né/w/"), []);
  database.close();
});

Deno.test("AttributeStore forgets a name only if it is remembered as of that kind", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  store.set("d/", "file", "e", {});
  store.set("d/", "directory", "", {});
  store.delete("d/", "file", "directory");
  store.delete("d/", "directory", "file");
  assert.equal(store.directory("d/").length, 2);
  store.delete("d/", "file", "file");
  store.delete("d/", "directory", "directory");
  assert.deepEqual(store.directory("d/"), []);
  database.close();
});

Deno.test("AttributeStore forgets what a listing does not show, unless it was remembered just now", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const path = `${directory}/metadata.db`;
    const database = new AttributeDatabase(path);
    const store = database.of("bucket");
    for (const name of ["old", "new"]) store.set("d/", name, "e", {});
    const other = new DatabaseSync(path);
    other.exec("UPDATE attributes SET since = since - 3600 WHERE name = 'old'");
    other.close();
    for (const name of ["old", "new"]) store.deleteUnlisted("d/", name);
    assert.deepEqual(store.directory("d/").map(({ name }) => name), ["new"]);
    database.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("AttributeStore expects an object until it is told what has become of the name", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  for (const name of ["a", "b", "c", "d"]) store.expect("d/", name);
  database.of("other").expect("d/", "b");
  store.set("d/", "a", "e", {});
  store.delete("d/", "d", "file");
  assert.deepEqual([...store.expected("d/", "", "c")], ["b", "c"]);
  assert.deepEqual([...store.expected("d/", "b", "z")], ["c"]);
  assert.deepEqual([...store.expected("", "", "z")], []);
  database.close();
});

Deno.test("AttributeStore.setAll takes all rows or none", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  const row = (name: string) => ({ name, etag: "e", attributes: {} });
  store.setAll("d/", [row("a"), row("b")]);
  store.delete("d/", "a", "file");
  assert.deepEqual(store.directory("d/").map((r) => r.name), ["b"]);
  // JSON has no bigint.
  const bad = { name: "x", etag: "e", attributes: { uid: 1n as never } };
  assert.throws(() => store.setAll("d/", [row("c"), bad]));
  assert.deepEqual(store.directory("d/").map((r) => r.name), ["b"]);
  database.close();
});

Deno.test("AttributeStore.together makes all changes or none, also within one another", () => {
  const database = new AttributeDatabase(":memory:");
  const store = database.of("bucket");
  store.set("d/", "kept", "e", {});
  const names = () => store.directory("d/").map(({ name }) => name);
  const told = store.together(() => {
    store.set("d/", "a", "e", {});
    store.together(() => store.delete("d/", "kept", "file"));
    return names();
  });
  assert.deepEqual([told, names()], [["a"], ["a"]]);
  const fails = () =>
    store.together(() => {
      store.set("d/", "b", "e", {});
      throw new RangeError("no");
    });
  assert.throws(fails, RangeError);
  assert.deepEqual(names(), ["a"]);
  store.set("d/", "c", "e", {});
  assert.deepEqual(names(), ["a", "c"], "the next one is not part of what has failed");
  database.close();
});
