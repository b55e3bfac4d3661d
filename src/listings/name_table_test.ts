import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { compareKeys } from "../s3/key_encoding.ts";
import { isInOrder, type NameRow, NameTable } from "./name_table.ts";

function row(key: string, size = key.length, storageClass?: string): NameRow {
  if (key.endsWith("/")) return { key };
  const file = { size, etag: `"${key}"`, lastModifiedMs: 2 ** 41 + size };
  return { key, file: storageClass === undefined ? file : { ...file, storageClass } };
}

Deno.test("NameTable tells of each row what was put into it", () => {
  const table = new NameTable();
  table.append([row("a", 1, "STANDARD"), row("b/"), row("c", 2 ** 45, "GLACIER"), row("ä")]);
  table.append([row("\u{1f600}", 0, "GLACIER"), row("\u{1f601}", 0, "GLACIER")]);
  const names = Array.from({ length: table.rowCount }, (_, at) => table.shownName(at));
  assert.deepEqual(names, ["a", "b", "c", "ä", "\u{1f600}", "\u{1f601}"]);
  assert.deepEqual(table.file(2), {
    kind: "file",
    size: 2 ** 45,
    etag: '"c"',
    lastModifiedMs: 2 ** 41 + 2 ** 45,
    storageClass: "GLACIER",
  });
  assert.equal(table.file(1), undefined);
  const classes = [0, 3, 4, 5].map((at) => table.file(at)?.storageClass);
  assert.deepEqual(classes, ["STANDARD", undefined, "GLACIER", "GLACIER"]);
  assert.deepEqual(table.directories(), ["b"]);
  assert.equal(table.lastKey, "\u{1f601}");
  table.append([{ key: "\u{1f602}/" }]);
  assert.deepEqual(table.directories(), ["b", "\u{1f602}"], "also of a page that came later");
  assert.equal(table.directoryCount, 2);
});

Deno.test("NameTable hides a file when a directory of its name comes, also pages later", () => {
  const table = new NameTable();
  assert.deepEqual(table.append([row("a"), row("a b"), row("b")]), []);
  // Below "a/" come all keys of the directory "a".
  const other = new NameTable();
  assert.deepEqual(other.append([row("a"), row("a b")]), []);
  assert.deepEqual(other.append([row("a/"), row("b")]), ["a"]);
  assert.equal(other.shownName(0), undefined);
  assert.equal(other.findShown("a"), 2);
  assert.equal(other.file(other.findShown("a")), undefined);
  assert.equal(other.has("a"), true);
  assert.equal(table.findShown("a"), 0);
});

Deno.test("NameTable finds every key and no other, in the order of UTF-8", () =>
  withSeed((random) => {
    const parts = ["a", "b", "-", "/", "ä", "\uffff", "\u{10000}", "1"];
    const keys = new Set<string>();
    while (keys.size < 500) {
      const length = 1 + random.below(5);
      const key = Array.from({ length }, () => random.pick(parts)).join("").replace(/\/.*/, "/");
      if (key !== "/") keys.add(key);
    }
    const sorted = [...keys].sort(compareKeys);
    const table = new NameTable();
    for (let at = 0; at < sorted.length;) {
      const page = sorted.slice(at, at += 1 + random.below(40)).map((key) => row(key));
      assert.ok(isInOrder(page, table.lastKey));
      table.append(page);
    }
    for (const [at, key] of sorted.entries()) {
      assert.equal(table.find(key), at);
      const isFile = !key.endsWith("/");
      assert.equal(table.file(at)?.etag, isFile ? `"${key}"` : undefined);
      if (isFile && keys.has(`${key}/`)) assert.equal(table.shownName(at), undefined);
      else assert.equal(table.shownName(at), isFile ? key : key.slice(0, -1));
      if (!keys.has(`${key}x`)) assert.equal(table.find(`${key}x`), -1);
    }
    assert.equal(new NameTable().find("a"), -1);
  }));

Deno.test("isInOrder wants ascending keys, all behind the last one known", () => {
  assert.equal(isInOrder([row("a"), row("b")], undefined), true);
  assert.equal(isInOrder([row("b"), row("a")], undefined), false);
  assert.equal(isInOrder([row("a"), row("a")], undefined), false);
  assert.equal(isInOrder([row("a")], "a"), false);
  assert.equal(isInOrder([], "a"), true);
});
