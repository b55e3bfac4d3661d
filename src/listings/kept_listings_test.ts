import assert from "node:assert/strict";
import { nextTurn } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { MemoryJournal } from "../../tests/support/memory_journal.ts";
import { KeptListings } from "./kept_listings.ts";
import { Listing } from "./listing.ts";
import { ListingDatabase } from "./listing_database.ts";
import { OutdatedListings } from "./outdated_listings.ts";

class Scene implements Disposable {
  readonly clock = new FakeClock(1e12);
  readonly journal = new MemoryJournal();
  readonly #folder = Deno.makeTempDirSync();
  readonly database = new ListingDatabase(`${this.#folder}/listings.db`, logger("test"));
  readonly outdated = new OutdatedListings();
  readonly kept = new KeptListings({
    rows: this.database.of("v"),
    outdated: this.outdated,
    journal: this.journal,
    clock: this.clock,
  });

  /** Lets what waits be saved. */
  async save(): Promise<void> {
    await this.clock.advance(2000);
    for (let turn = 0; turn < 30; turn++) await nextTurn();
  }

  [Symbol.dispose](): void {
    this.database.close();
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

function listingOf(names: Iterable<string>): Listing {
  const listing = new Listing();
  listing.hasMarker = true;
  for (const name of names) {
    const lastModifiedMs = 3;
    listing.add(
      name,
      name.startsWith("d")
        ? { kind: "directory" }
        : { kind: "file", size: name.length, etag: `"${name}"`, lastModifiedMs },
    );
  }
  listing.markComplete(0);
  return listing;
}

Deno.test("KeptListings gives back what was listed, also of thousands of names", async () => {
  using scene = new Scene();
  const names = Array.from({ length: 2300 }, (_, i) => i % 3 === 0 ? `d${i}` : `f${i}`);
  const listing = listingOf([...names, "a", 'a\n\t"\u{1f600}']);
  listing.add("ia", {
    kind: "file",
    size: 2 ** 40,
    etag: '"x"',
    lastModifiedMs: 1.5,
    storageClass: "STANDARD_IA",
  });
  scene.kept.note("p/", listing, 1000);
  assert.equal(scene.kept.has("p/"), false, "not at once");
  await scene.save();
  assert.equal(scene.kept.has("p/"), true);
  assert.equal(scene.kept.has("p/", 2000), false, "of more names than are wanted");
  const found = await scene.kept.load("p/");
  assert.equal(found?.listedAtMs, 1000);
  assert.equal(found.listing.hasMarker, true);
  const sorted = (l: Listing) => [...l.entries()].sort(([a], [b]) => a < b ? -1 : 1);
  assert.deepEqual(sorted(found.listing), sorted(listing));
});

Deno.test("KeptListings does not keep a listing that is changed while it is being saved", async () => {
  using scene = new Scene();
  const listing = listingOf(Array.from({ length: 3000 }, (_, i) => `f${i}`));
  scene.kept.note("p/", listing, 1000);
  await scene.clock.advance(2000);
  scene.kept.touch("p/");
  for (let turn = 0; turn < 30; turn++) await nextTurn();
  assert.equal(scene.kept.has("p/"), false);
  assert.equal(scene.database.all("SELECT * FROM parts", []).length, 0);
});

Deno.test("KeptListings does not keep a listing that is changed or renamed while it waits", async () => {
  using scene = new Scene();
  for (const prefix of ["a/", "b/", "b/c/"]) scene.kept.note(prefix, listingOf(["x"]), 1000);
  scene.kept.touch("a/");
  scene.kept.touchTree("b/");
  await scene.save();
  for (const prefix of ["a/", "b/", "b/c/"]) assert.equal(scene.kept.has(prefix), false);
});

Deno.test("KeptListings marks a directory once for each time that it was saved", async () => {
  using scene = new Scene();
  const listing = listingOf(["x"]);
  let marks = 0;
  const { mark } = scene.outdated;
  scene.outdated.mark = (...args) => {
    marks++;
    mark.apply(scene.outdated, args);
  };
  for (const expected of [1, 2]) {
    scene.kept.note("p/", listing, 1000);
    await scene.save();
    for (let i = 0; i < 100; i++) scene.kept.touch("p/");
    assert.equal(marks, expected);
    assert.equal(scene.kept.has("p/"), false);
  }
  scene.kept.touch("never saved/");
  assert.equal(marks, 2);
});

Deno.test("KeptListings saves what is not on disk when it is closed, and needs no marks then", async () => {
  using scene = new Scene();
  const within = scene.outdated.within(scene.journal);
  const [a, b] = [listingOf(["x"]), listingOf(["y"])];
  scene.kept.note("a/", a, 1000);
  scene.kept.note("b/", b, 1000);
  await scene.save();
  scene.kept.touch("a/");
  a.set("new", { kind: "directory" });
  await within.commit([{ delete: { kind: "change", key: "a/new/" } }]);
  assert.equal(scene.journal.entries().length, 1);
  await scene.kept.close([["a/", a, 1000], ["b/", b, 1000]]);
  assert.equal(scene.journal.entries().length, 0);
  assert.ok((await scene.kept.load("a/"))?.listing.get("new"));
  assert.ok((await scene.kept.load("b/"))?.listing.get("y"));
});

Deno.test("KeptListings has nothing on disk of a directory that is held", async () => {
  using scene = new Scene();
  const listing = listingOf(["x"]);
  scene.kept.note("p/", listing, 1000);
  await scene.save();
  const holds = [scene.kept.hold("p/"), scene.kept.hold("p/")];
  for (const hold of holds) {
    assert.equal(scene.kept.has("p/"), false);
    scene.kept.note("p/", listing, 1000);
    await scene.save();
    assert.equal(scene.kept.has("p/"), false);
    hold[Symbol.dispose]();
  }
  scene.kept.note("p/", listing, 1000);
  await scene.save();
  assert.equal(scene.kept.has("p/"), true);
});

Deno.test("KeptListings marks everything when its database breaks", () => {
  using scene = new Scene();
  scene.database.close();
  assert.equal(scene.kept.has("a/"), false);
  scene.kept.touch("a/");
  scene.kept.touch("b/");
  assert.deepEqual(scene.outdated.marks().map(({ prefix, isTree }) => [prefix, isTree]), [[
    "",
    true,
  ]]);
});
