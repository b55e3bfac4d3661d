import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { logger } from "../base/log.ts";
import { TransportError } from "../s3/errors.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { AttributeLoader } from "./attribute_loader.ts";
import { AttributeDatabase } from "./attribute_store.ts";
import { DirectoryListings } from "./directory_listings.ts";
import type { ListedFile } from "./listing.ts";

const never = new AbortController().signal;
const TTL_MS = 60_000;

interface Setup {
  readonly store: MemoryStore;
  readonly clock: FakeClock;
  readonly listings: DirectoryListings;
  /** Lets the next LIST answer, or fail, and what follows from it happen. */
  readonly answer: (error?: Error) => Promise<void>;
  /** LIST requests that wait for `answer`. */
  readonly waiting: () => number;
}

/** A directory "d/" of 2500 names: three pages. Each LIST is held until the test lets it go. */
async function withPages(body: (setup: Setup) => Promise<void>): Promise<void> {
  const store = new MemoryStore();
  for (let i = 0; i < 2500; i++) await store.put(`d/${name(i)}`, new Uint8Array(1), {}, never);
  const held: PromiseWithResolvers<void>[] = [];
  store.hook = ({ method }) => {
    if (method !== "list") return;
    held.push(Promise.withResolvers());
    return held.at(-1)!.promise;
  };
  const answer = async (error?: Error) => {
    const next = held.shift();
    assert.ok(next !== undefined, "no LIST waits");
    if (error === undefined) next.resolve();
    else next.reject(error);
    await settle();
  };
  const clock = new FakeClock(1000);
  const database = new AttributeDatabase(":memory:");
  const attributes = new AttributeLoader(store, database.of("b"), "fast");
  const log = logger("test");
  const listings = new DirectoryListings({ store, clock, log, ttlMs: TTL_MS, attributes });
  try {
    await body({ store, clock, listings, answer, waiting: () => held.length });
  } finally {
    for (const left of held) left.resolve();
    await settle();
    database.close();
  }
}

function name(index: number): string {
  return String(index).padStart(4, "0");
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined;
}

/** What a promise has come to so far. */
async function stateOf(work: Promise<unknown>): Promise<"waits" | "done" | "failed"> {
  let state: "waits" | "done" | "failed" = "waits";
  work.then(() => state = "done", () => state = "failed");
  await settle();
  return state;
}

const file: ListedFile = { kind: "file", size: 9, etag: '"new"', lastModifiedMs: 0 };

Deno.test("a directory can be read from its first page on, the others come by one LIST each", () =>
  withPages(async ({ store, listings, answer }) => {
    const reading = listings.readInParts("d/", never);
    await settle();
    await answer();
    const listing = await reading;
    assert.deepEqual([listing.complete, listing.size], [false, 1000]);
    // The last name of a page may be a directory's: "0999/" would come with the next page.
    assert.equal(listing.settledRows(), 999);
    const more = listings.readOn("d/", listing, never);
    assert.equal(await stateOf(more), "waits");
    await answer();
    await more;
    assert.equal(listing.size, 2000);
    await answer();
    await listings.readOn("d/", listing, never);
    assert.deepEqual([listing.complete, listing.size, listing.settledRows()], [true, 2500, 2500]);
    assert.deepEqual([store.counts.list, store.counts.head], [3, 0]);
  }));

Deno.test("a lookup does not wait for pages behind its name, and asks nothing while these come", () =>
  withPages(async ({ store, listings, answer }) => {
    const reading = listings.readAll("d/", never);
    await settle();
    const early = listings.find("d/", name(5), never);
    const late = listings.find("d/", name(1500), never);
    const absent = listings.find("d/", "0500x", never);
    await answer();
    assert.equal((await early)?.kind, "file");
    assert.equal(await absent, undefined);
    assert.deepEqual(listings.peek("d/", name(6))?.entry?.kind, "file");
    assert.equal(await stateOf(late), "waits");
    await answer();
    assert.equal((await late)?.kind, "file");
    await answer();
    assert.equal((await reading).size, 2500);
    assert.deepEqual([store.counts.list, store.counts.head], [3, 0]);
  }));

Deno.test("a lookup that has waited long for its page asks for its name alone", () =>
  withPages(async ({ store, clock, listings, answer, waiting }) => {
    const reading = listings.readAll("d/", never);
    await settle();
    await answer();
    const late = listings.find("d/", name(2400), never);
    assert.equal(await stateOf(late), "waits");
    assert.equal(store.counts.head, 0);
    await clock.advance(3001);
    assert.deepEqual([store.counts.head, waiting()], [1, 2]);
    await answer();
    await answer();
    assert.equal((await late)?.kind, "file");
    await answer();
    assert.equal((await reading).size, 2500);
  }));

Deno.test("what is changed here while pages come stays changed, whichever page is about it", () =>
  withPages(async ({ listings, answer }) => {
    const reading = listings.readInParts("d/", never);
    await settle();
    listings.set("d/", name(3), undefined);
    listings.set("d/", "0003a", file);
    await answer();
    const listing = await reading;
    const check = () => {
      assert.equal(listing.get(name(3)), undefined);
      assert.equal(listing.get("0003a")?.kind, "file");
    };
    check();
    for (const index of [7, 1200, 2200]) {
      listings.set("d/", name(index), file);
      listings.setDeleted("d/", name(index + 1), "file");
      listings.set("d/", name(index + 2), undefined);
    }
    listings.show("d/", "shown", { kind: "directory" });
    listings.set("d/", name(1202), file);
    const checkAll = () => {
      check();
      for (const index of [7, 1200, 2200]) {
        assert.deepEqual(listing.get(name(index)), file);
        assert.equal(listing.get(name(index + 1)), undefined);
      }
      for (const index of [9, 2202]) assert.equal(listing.get(name(index)), undefined);
      assert.deepEqual(listing.get(name(1202)), file);
    };
    checkAll();
    await answer();
    checkAll();
    await answer();
    checkAll();
    assert.equal(listing.get("shown")?.kind, "directory");
    const names = [...listing.entries()].map(([name]) => name);
    assert.equal(new Set(names).size, names.length);
    assert.equal(names.length, listing.size);
    // Gone: 3, three deleted, two removed. New: "0003a" and "shown".
    assert.equal(listing.size, 2500 - 6 + 2);
  }));

Deno.test("a listing that breaks off goes on where it did, and begins anew when it is too old", () =>
  withPages(async ({ store, clock, listings, answer }) => {
    const fail = new TransportError("gone", { operation: "ListObjects", bucket: "b" });
    const reading = listings.readInParts("d/", never);
    await settle();
    await answer();
    const listing = await reading;
    const more = listings.readOn("d/", listing, never);
    await answer(fail);
    await assert.rejects(more, /gone/);
    assert.equal((await listings.find("d/", name(1), never))?.kind, "file");
    await clock.advance(501);
    const again = listings.readOn("d/", listing, never);
    await settle();
    await answer();
    await again;
    assert.equal(listing.size, 2000);
    await answer(fail);
    await clock.advance(TTL_MS + 1);
    const { table } = listing;
    const anew = listings.readAll("d/", never);
    await settle();
    for (let page = 0; page < 3; page++) await answer();
    assert.equal(await anew, listing);
    assert.deepEqual([listing.size, listing.complete], [2500, true]);
    assert.notEqual(listing.table, table);
    assert.equal(store.counts.list, 1 + 1 + 1 + 1 + 3);
  }));

Deno.test("an older listing stays whole while it is refreshed", () =>
  withPages(async ({ clock, listings, answer }) => {
    const reading = listings.readAll("d/", never);
    await settle();
    for (let page = 0; page < 3; page++) await answer();
    const listing = await reading;
    await clock.advance(TTL_MS + 1);
    const again = listings.readInParts("d/", never);
    await settle();
    await answer();
    assert.equal(await stateOf(again), "waits");
    assert.deepEqual([listing.complete, listing.size], [true, 2500]);
    await clock.advance(3001);
    assert.equal((await again).size, 2500, "the older answer");
    for (let page = 0; page < 2; page++) await answer();
    assert.equal(listings.remainingTtlMs("d/"), TTL_MS);
  }));

Deno.test("who asks for all behind a LIST of the first page asks no more when that was all", () =>
  withPages(async ({ store, listings, answer }) => {
    await store.put("e/1", new Uint8Array(1), {}, never);
    const one = listings.find("e/", "1", never);
    const all = listings.readAll("e/", never);
    await settle();
    await answer();
    assert.equal((await one)?.kind, "file");
    assert.equal((await all).size, 1);
    assert.equal(store.counts.list, 1);
  }));
