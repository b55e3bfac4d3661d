import assert from "node:assert/strict";
import { MemoryJournal } from "../../tests/support/memory_journal.ts";
import { OutdatedListings } from "./outdated_listings.ts";

const FORGET = [{ delete: { kind: "change", key: "a/x" } }];

Deno.test("OutdatedListings puts its marks into the journal with the commit that forgets a change", async () => {
  const journal = new MemoryJournal([{ kind: "change", key: "a/x", value: 1 }]);
  const outdated = new OutdatedListings();
  const within = outdated.within(journal);
  outdated.mark("a/", 7);
  outdated.markTree("b/", 8);
  await within.commit([{ put: { kind: "change", key: "a/y", value: 1 } }]);
  assert.equal(journal.entries().length, 2, "nothing is forgotten yet");
  const commits: number[] = [];
  journal.beforeCommit = (ops) => void commits.push(ops.length);
  await within.commit(FORGET);
  assert.deepEqual(commits, [3], "in one commit");
  await within.commit([{ delete: { kind: "change", key: "a/y" } }]);
  assert.deepEqual(commits, [3, 1], "once");
  const next = new OutdatedListings();
  const generations: number[] = [];
  next.onLoaded = (generation) => generations.push(generation);
  assert.deepEqual(await next.within(journal).load(), [], "the file system does not see them");
  assert.deepEqual(generations, [7, 8]);
  for (const one of [outdated, next]) {
    assert.deepEqual(["a/", "b/", "b/c/"].map((prefix) => one.isOutdated(prefix, 7)), [
      true,
      true,
      true,
    ]);
    assert.deepEqual(["a/", "b/c/", "c/"].map((prefix) => one.isOutdated(prefix, 8)), [
      false,
      true,
      false,
    ]);
    assert.equal(one.isOutdated("b/c/", 9), false);
  }
});

Deno.test("OutdatedListings puts marks into every commit that forgets until one has succeeded", async () => {
  const journal = new MemoryJournal();
  const outdated = new OutdatedListings();
  const within = outdated.within(journal);
  outdated.mark("a/", 1);
  const first = Promise.withResolvers<void>();
  let commits = 0;
  journal.beforeCommit = () => commits++ === 0 ? first.promise : undefined;
  const failing = assert.rejects(within.commit(FORGET), /disk is full/);
  const second = within.commit([{ delete: { kind: "change", key: "b/x" } }]);
  first.reject(new Error("the disk is full"));
  await Promise.all([failing, second]);
  assert.deepEqual(journal.entries().map(({ key, value }) => [key, value]), [["a/", 1]]);
});

Deno.test("OutdatedListings removes marks, but not those that were renewed", async () => {
  const journal = new MemoryJournal();
  const outdated = new OutdatedListings();
  const within = outdated.within(journal);
  outdated.mark("a/", 1);
  outdated.mark("b/", 1);
  outdated.markTree("b/", 2);
  await within.commit(FORGET);
  const marks = outdated.marks();
  outdated.mark("b/", 3);
  await outdated.remove(journal, marks);
  await within.commit(FORGET);
  assert.deepEqual(outdated.marks(), [{ prefix: "b/", generation: 3, isTree: false }]);
  assert.deepEqual(journal.entries().map(({ key, value }) => [key, value]), [["b/", 3]]);
});
