import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { type ListedFile, Listing } from "./listing.ts";

const file: ListedFile = { kind: "file", size: 1, etag: "e", lastModifiedMs: 0 };

Deno.test("Listing knows names up to where it was read, and directories only behind their slash", () => {
  const listing = new Listing();
  listing.hasFirstPage = true;
  listing.nextToken = "more";
  listing.coveredTo = "m";
  assert.equal(listing.knows("a"), true);
  // "m/" sorts behind "m": the next page may begin with it.
  assert.equal(listing.knows("m"), false);
  assert.equal(listing.knows("z"), false);
  listing.learn("z", undefined);
  listing.learn("y", file);
  assert.equal(listing.knows("z"), true);
  assert.equal(listing.get("y"), file);
});

Deno.test("Listing repeats changes made while a LIST was under way", () => {
  const listing = new Listing();
  listing.markComplete(1);
  listing.noteChanges();
  listing.set("new", file);
  listing.set("gone", undefined);
  const fresh = new Listing();
  fresh.markComplete(1);
  fresh.add("gone", file);
  listing.applyChangesTo(fresh);
  assert.equal(fresh.get("new"), file);
  assert.equal(fresh.get("gone"), undefined);
  listing.set("later", file);
  const second = new Listing();
  listing.applyChangesTo(second);
  assert.equal(second.size, 0, "nothing is noted any more");
});

Deno.test("Listing names what is left, in whatever order names are removed", () =>
  withSeed((random) => {
    const names = Array.from({ length: 200 }, (_, index) => `n${String(index).padStart(3, "0")}`);
    const listing = new Listing();
    listing.addRows(names.map((key) => ({ key, file })));
    listing.markComplete(1);
    listing.set("own", file);
    for (const name of names) if (random.below(2) === 0) listing.set(name, file);
    const left = new Set([...names, "own"]);
    while (left.size > 0) {
      assert.deepEqual([...listing.names()].sort(), [...left].sort());
      const [first] = listing.names();
      assert.ok(left.has(first!));
      const removed = [...left][random.below(left.size)]!;
      listing.set(removed, undefined);
      left.delete(removed);
    }
    assert.deepEqual([...listing.names()], []);
  }));

Deno.test("Listing looks again at few names to find one that is left", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `n${String(index).padStart(4, "0")}`);
  const listing = new Listing();
  listing.addRows(names.map((key) => ({ key, file })));
  listing.markComplete(1);
  // As after a rename: each has more than the row tells.
  for (const name of names) listing.set(name, { ...file, attributes: { mode: 0o600 } });
  let looks = 0;
  const { table } = listing;
  const shownName = table.shownName.bind(table);
  table.shownName = (row) => (looks++, shownName(row));
  // From the last to the first, as the ones before would have been passed over each time.
  for (const name of names.reverse()) {
    listing.set(name, undefined);
    for (const _ of listing.names()) break;
  }
  assert.ok(looks < 4 * names.length, `${looks} looks`);
});

Deno.test("Listing tells its subdirectories, however they and the names beside them came and went", () =>
  withSeed((random) => {
    const letters = [..."abcdefghijklmnop"];
    const listing = new Listing();
    const shown = () => {
      const found = [...listing.entries()].filter(([, { kind }]) => kind === "directory");
      return found.map(([name]) => name).sort();
    };
    for (let step = 0; step < 300; step++) {
      const name = letters[random.below(letters.length)]!;
      const kind = random.below(2) === 0 ? "directory" : "file";
      const action = random.below(8);
      if (action < 3) listing.set(name, kind === "file" ? file : { kind });
      else if (action < 5) listing.set(name, undefined);
      else if (action === 5) listing.delete(name, kind);
      else if (action === 6) listing.show(name, { kind: "directory" });
      else if (random.below(4) === 0) {
        const other = new Listing();
        other.addRows(letters.map((key, at) => at % 3 === 0 ? { key: `${key}/` } : { key, file }));
        other.markComplete(1);
        listing.takeFrom(other);
      }
      assert.deepEqual(listing.directories().sort(), shown());
      assert.ok(listing.directoriesMax >= shown().length);
    }
  }));
