import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { logger } from "../base/log.ts";
import { ListingDatabase, type ListingRow, type ListingRows } from "./listing_database.ts";

const log = logger("test");

function withFile(body: (path: string) => unknown): void {
  const folder = Deno.makeTempDirSync();
  try {
    body(`${folder}/listings.db`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function put(rows: ListingRows, prefix: string, names = 1): ListingRow {
  const generation = rows.database.nextGeneration();
  rows.putPart(generation, 0, `body of ${prefix}`);
  const row = { prefix, generation, parts: 1, names, listedAtMs: 5, hasMarker: true };
  rows.put(row);
  return row;
}

Deno.test("ListingDatabase keeps the rows of each volume apart, and over a restart", () =>
  withFile((path) => {
    const first = new ListingDatabase(path, log);
    const row = put(first.of("v"), "a/");
    put(first.of("w"), "a/");
    first.of("v").putPart(first.nextGeneration(), 0, "of a listing that was not saved to its end");
    first.close();
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
    const next = new ListingDatabase(path, log);
    const rows = next.of("v");
    assert.deepEqual(rows.get("a/"), row);
    assert.equal(rows.part(row, 0), "body of a/");
    assert.equal(rows.get("b/"), undefined);
    assert.ok(next.nextGeneration() > 2, "no generation twice");
    rows.delete("a/");
    assert.equal(rows.get("a/"), undefined);
    assert.ok(next.of("w").get("a/"));
    const left = next.all("SELECT count(*) AS n FROM parts", []);
    assert.equal(left[0]?.["n"], 1);
    next.close();
  }));

Deno.test("ListingDatabase does not give the generation of an empty directory again", () =>
  withFile((path) => {
    const first = new ListingDatabase(path, log);
    put(first.of("v"), "a/");
    const generation = first.nextGeneration();
    const facts = { parts: 0, names: 0, listedAtMs: 5, hasMarker: true };
    first.of("v").put({ prefix: "empty/", generation, ...facts });
    first.close();
    const next = new ListingDatabase(path, log);
    assert.equal(next.lastGeneration, generation);
    put(next.of("v"), "b/");
    assert.ok(!next.isBroken);
    next.close();
  }));

Deno.test("ListingDatabase finds and deletes what is below a directory", () =>
  withFile((path) => {
    const database = new ListingDatabase(path, log);
    const rows = database.of("v");
    for (const prefix of ["", "a/", "a/b/", "a/\u{1f600}/", "a-b/", "b/"]) put(rows, prefix);
    const { generation } = put(rows, "a/new/");
    assert.ok(rows.hasBelow("a/"));
    rows.deleteOutdated({ prefix: "a/", generation: generation - 1, isTree: true });
    assert.ok(rows.get("a/new/"));
    rows.deleteBelow("a/");
    assert.ok(!rows.hasBelow("a/"));
    assert.deepEqual(["", "a-b/", "b/"].map((prefix) => rows.get(prefix) !== undefined), [
      true,
      true,
      true,
    ]);
    database.close();
  }));

Deno.test("ListingDatabase lets the oldest listings go when there are too many names", () =>
  withFile((path) => {
    const database = new ListingDatabase(path, log);
    const rows = database.of("v");
    for (const prefix of ["a/", "b/", "c/"]) put(rows, prefix, 400_000);
    assert.deepEqual(["a/", "b/", "c/"].map((prefix) => rows.get(prefix) !== undefined), [
      false,
      true,
      true,
    ]);
    database.close();
  }));

Deno.test("ListingDatabase does not believe a part that is not what was put", () =>
  withFile((path) => {
    const database = new ListingDatabase(path, log);
    const rows = database.of("v");
    const a = put(rows, "a/");
    const b = put(rows, "b/");
    database.all("UPDATE parts SET body = 'body of b/' WHERE generation = ?", [a.generation]);
    assert.equal(rows.part(a, 0), undefined);
    assert.equal(rows.part(b, 0), "body of b/");
    assert.equal(database.of("w").part(b, 0), undefined);
    database.close();
  }));

Deno.test("ListingDatabase throws away a file that it cannot use", () =>
  withFile((path) => {
    Deno.writeTextFileSync(path, "this is no database, and never was ".repeat(100));
    const database = new ListingDatabase(path, log);
    put(database.of("v"), "a/");
    database.close();
    const other = new DatabaseSync(path);
    other.exec("PRAGMA user_version = 99");
    other.close();
    const next = new ListingDatabase(path, log);
    assert.equal(next.of("v").get("a/"), undefined, "of another version");
    assert.ok(!next.isBroken);
    next.close();
  }));

Deno.test("ListingDatabase goes on without a file when there can be none", () => {
  const database = new ListingDatabase("/nowhere/listings.db", log);
  assert.ok(database.isBroken);
  const rows = database.of("v");
  put(rows, "a/");
  assert.equal(rows.get("a/"), undefined);
});
