import assert from "node:assert/strict";
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { AccessDeniedError, TransportError } from "../s3/errors.ts";
import type { ListPage } from "../s3/object_store.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { AttributeLoader } from "./attribute_loader.ts";
import { AttributeDatabase } from "./attribute_store.ts";
import { DirectoryListings } from "./directory_listings.ts";

const never = new AbortController().signal;
const details = { operation: "ListObjectsV2", bucket: "b" };

/** A clock that stands still until told; `sleep` never ends by itself. */
class ManualClock implements Clock {
  now = 1000;
  sleepers: (() => void)[] = [];
  nowMs = () => this.now;
  monotonicMs = () => this.now;
  sleep = (_ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      this.sleepers.push(resolve);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
}

interface Rig {
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  readonly listings: DirectoryListings;
  readonly contact: { isAway: boolean; timesRegained: number };
}

async function withListings(body: (rig: Rig) => unknown): Promise<void> {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const database = new AttributeDatabase(":memory:");
  const attributes = new AttributeLoader(store, database.of("b"), "fast");
  const log = logger("test");
  const contact = { isAway: false, timesRegained: 0 };
  const listings = new DirectoryListings({
    store,
    clock,
    log,
    ttlMs: 60_000,
    attributes,
    contact,
  });
  await body({ store, clock, listings, contact });
  database.close();
}

async function fill(store: MemoryStore, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await store.put(`d/${String(i).padStart(5, "0")}`, new Uint8Array(1), {}, never);
  }
}

/** As `withListings`, where "d/" has two names, and has been listed too long ago. */
const withOldListing = (body: (rig: Rig) => unknown) =>
  withListings(async (rig) => {
    await fill(rig.store, 2);
    await rig.listings.readAll("d/", never);
    rig.clock.now += 60_001;
    await body(rig);
  });

/** Somebody waits for a fresh answer for "d/" and gets the older one. Returns what the LIST still waits for. */
async function waitInVain({ store, clock, listings }: Rig): Promise<PromiseWithResolvers<void>> {
  const list = Promise.withResolvers<void>();
  store.hook = () => list.promise;
  const read = listings.readAll("d/", never);
  while (clock.sleepers.length === 0) await Promise.resolve();
  clock.sleepers[0]!();
  assert.equal((await read).size, 2);
  return list;
}

const refused = () => {
  throw new TransportError("refused", details);
};

Deno.test("DirectoryListings answers for a whole directory after one LIST, until the TTL ends", () =>
  withListings(async ({ store, clock, listings }) => {
    await fill(store, 3);
    assert.equal((await listings.find("d/", "00001", never))?.kind, "file");
    assert.equal(await listings.find("d/", "none", never), undefined);
    assert.deepEqual(listings.peek("d/", "none"), { entry: undefined });
    assert.equal(store.counts.list, 1);
    clock.now += 60_001;
    assert.equal(listings.peek("d/", "00001"), undefined);
    await listings.find("d/", "00001", never);
    assert.equal(store.counts.list, 2);
  }));

Deno.test("DirectoryListings lists 10,000 names by ten requests, once for all who ask", () =>
  withListings(async ({ store, listings }) => {
    await fill(store, 10_000);
    const all = await Promise.all([listings.readAll("d/", never), listings.readAll("d/", never)]);
    assert.equal(all[0].size, 10_000);
    assert.equal(store.counts.list, 10);
    assert.equal(store.counts.head, 0);
  }));

Deno.test("DirectoryListings asks for single names beyond the first page, and remembers them", () =>
  withListings(async ({ store, listings }) => {
    await fill(store, 2500);
    await store.put("d/zdir/x", new Uint8Array(1), {}, never);
    assert.equal((await listings.find("d/", "00007", never))?.kind, "file");
    assert.equal(store.counts.list, 1);
    for (let i = 0; i < 2; i++) {
      assert.equal((await listings.find("d/", "02400", never))?.kind, "file");
      assert.equal((await listings.find("d/", "zdir", never))?.kind, "directory");
      assert.equal(await listings.find("d/", "zzz", never), undefined);
    }
    assert.deepEqual([store.counts.head, store.counts.list], [3, 4]);
    // Going on where the first page ended.
    const listing = await listings.readAll("d/", never);
    assert.equal(listing.size, 2501);
    assert.equal(store.counts.list, 6);
  }));

Deno.test("DirectoryListings keeps what was changed here while a LIST was under way", () =>
  withOldListing(async ({ store, listings }) => {
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    store.hook = () => {
      asked.resolve();
      return gate.promise;
    };
    const refreshed = listings.readAll("d/", never);
    await asked.promise;
    const entry = { kind: "file", size: 9, etag: "e", lastModifiedMs: 0 } as const;
    listings.set("d/", "new", entry);
    listings.set("d/", "00001", undefined);
    gate.resolve();
    const names = [...(await refreshed).entries()].map(([name]) => name);
    assert.deepEqual(names, ["00000", "new"]);
  }));

Deno.test("DirectoryListings gives an older answer when the endpoint fails, not when access is denied", () =>
  withOldListing(async ({ store, clock, listings }) => {
    store.hook = refused;
    assert.equal((await listings.readAll("d/", never)).size, 2);
    assert.equal(store.counts.list, 2);
    await listings.find("d/", "00000", never);
    assert.equal(store.counts.list, 2, "not asked again at once");
    const gate = Promise.withResolvers<void>();
    store.hook = () => gate.promise;
    clock.now += 5_001;
    assert.equal((await listings.readAll("d/", never)).size, 2, "nobody waits for the next try");
    assert.equal(store.counts.list, 3);
    gate.resolve();
    while (listings.remainingTtlMs("d/") < 60_000) await Promise.resolve();
    clock.now += 60_001;
    store.hook = refused;
    assert.equal((await listings.readAll("d/", never)).size, 2);
    await assert.rejects(listings.readAll("other/", never), TransportError);
    const asked = store.counts.list;
    await assert.rejects(listings.find("other/", "x", never), TransportError);
    assert.equal(store.counts.list, asked, "the failure is the answer for a moment");
    clock.now += 5_001;
    store.hook = () => {
      throw new AccessDeniedError("no", details);
    };
    await assert.rejects(listings.readAll("d/", never), AccessDeniedError);
  }));

Deno.test("DirectoryListings gives an older answer when the endpoint does not answer", () =>
  withOldListing(async (rig) => {
    const list = await waitInVain(rig);
    list.resolve();
  }));

Deno.test("DirectoryListings gives an older answer at once after another directory could not be listed", () =>
  withOldListing(async ({ store, clock, listings }) => {
    store.hook = refused;
    await assert.rejects(listings.readAll("other/", never), TransportError);
    const gate = Promise.withResolvers<void>();
    store.hook = () => gate.promise;
    assert.equal((await listings.readAll("d/", never)).size, 2);
    assert.equal(clock.sleepers.length, 0, "nobody was patient");
    gate.resolve();
  }));

Deno.test("DirectoryListings gives an older answer at once while the endpoint is away, then a new one", () =>
  withOldListing(async (rig) => {
    const { store, clock, listings, contact } = rig;
    const gate = Promise.withResolvers<void>();
    store.hook = () => gate.promise;
    contact.isAway = true;
    assert.equal((await listings.readAll("d/", never)).size, 2);
    assert.equal(clock.sleepers.length, 0, "nobody was patient");
    assert.equal(store.counts.list, 2, "it is asked all the same");
    gate.resolve();
    while (listings.remainingTtlMs("d/") < 60_000) await Promise.resolve();
    contact.isAway = false;
    await store.put("d/new", new Uint8Array(1), {}, never);
    clock.now += 60_001;
    assert.equal((await listings.readAll("d/", never)).size, 3, "a fresh one is waited for");
  }));

Deno.test("DirectoryListings gives older answers at once to who reads a tree while the endpoint is away", () =>
  withListings(async (rig) => {
    const { store, clock, listings, contact } = rig;
    const names = Array.from({ length: 10 }, (_, index) => `d${index}/`);
    for (const name of names) await store.put(`${name}f`, new Uint8Array(1), {}, never);
    for (const prefix of ["", ...names]) await listings.readAll(prefix, never);
    clock.now += 60_001;
    contact.isAway = true;
    const gate = Promise.withResolvers<void>();
    store.hook = () => gate.promise;
    const sleepers = clock.sleepers.length;
    for (const prefix of ["", ...names]) {
      const { size } = await listings.readAll(prefix, never);
      assert.equal(size, prefix === "" ? names.length : 1);
    }
    assert.equal(clock.sleepers.length, sleepers, "nobody was patient");
    gate.resolve();
  }));

Deno.test("DirectoryListings waits for a fresh answer again when the endpoint is regained", () =>
  withOldListing(async (rig) => {
    const { store, clock, listings, contact } = rig;
    const list = await waitInVain(rig);
    list.reject(new TransportError("timed out", details));
    store.hook = refused;
    clock.now += 60_001;
    assert.equal((await listings.readAll("d/", never)).size, 2);
    assert.equal(clock.sleepers.length, 1, "nobody was patient");
    store.hook = undefined;
    await store.put("d/new", new Uint8Array(1), {}, never);
    contact.timesRegained++;
    clock.now += 60_001;
    assert.equal((await listings.readAll("d/", never)).size, 3);
  }));

Deno.test("DirectoryListings lets a caller go when its signal fires; the LIST serves the next one", () =>
  withListings(async ({ store, listings }) => {
    await fill(store, 2);
    const gate = Promise.withResolvers<void>();
    store.hook = () => gate.promise;
    const abort = new AbortController();
    const first = listings.readAll("d/", abort.signal);
    const second = listings.readAll("d/", never);
    abort.abort(new Error("enough"));
    await assert.rejects(first, /enough/);
    gate.resolve();
    assert.equal((await second).size, 2);
    assert.equal(store.counts.list, 1);
  }));

Deno.test("DirectoryListings moves what is known of a renamed tree along", () =>
  withListings(async ({ store, listings }) => {
    await fill(store, 2);
    await listings.readAll("d/", never);
    listings.moveTree("d/", "e/f/");
    assert.equal(listings.peek("d/", "00000"), undefined);
    assert.equal(listings.peek("e/f/", "00000")?.entry?.kind, "file");
  }));

Deno.test("DirectoryListings believes also what it has for another time, once told", () =>
  withListings(async ({ store, clock, listings }) => {
    await fill(store, 3);
    await listings.find("d/", "00001", never);
    listings.setTtl(10_000);
    clock.now += 9_999;
    assert.notEqual(listings.peek("d/", "00001"), undefined);
    clock.now += 2;
    assert.equal(listings.peek("d/", "00001"), undefined);
    await listings.find("d/", "00001", never);
    listings.setTtl(60_000);
    clock.now += 50_000;
    assert.notEqual(listings.peek("d/", "00001"), undefined);
    assert.equal(store.counts.list, 2);
  }));

Deno.test("DirectoryListings knows directories from a first page that was asked for before", () =>
  withListings(async ({ store, listings }) => {
    await fill(store, 3);
    await store.put("file", new Uint8Array(1), {}, never);
    await listings.firstPage.take("", store.list({ prefix: "", delimiter: "/" }, never));
    assert.equal(listings.peek("", "d")?.entry?.kind, "directory");
    assert.equal(listings.remainingTtlMs(""), 60_000);
    assert.equal(store.counts.list, 1);
    // Anything else may have changed meanwhile.
    assert.equal(listings.peek("", "file"), undefined);
    assert.equal(listings.peek("", "none"), undefined);
    assert.equal(listings.peek("d/", "d"), undefined);
    await store.put("new", new Uint8Array(1), {}, never);
    assert.equal((await listings.readAll("", never)).size, 3);
    assert.equal(store.counts.list, 2);
    listings.expire("");
    assert.equal(listings.peek("", "d"), undefined);
    await assert.rejects(listings.firstPage.take("e/", Promise.reject(new Error("no"))), /no/);
  }));

Deno.test("DirectoryListings does not know for ever what was on a first page", () =>
  withListings(async ({ store, clock, listings }) => {
    await fill(store, 1);
    const page = () => store.list({ prefix: "", delimiter: "/" }, never);
    await listings.firstPage.take("", page());
    clock.now += 60_001;
    assert.equal(listings.peek("", "d"), undefined);
    await listings.firstPage.take("", page());
    assert.equal(listings.peek("", "d")?.entry?.kind, "directory");
    // Something was changed here: by now it may be gone.
    listings.set("x/", "a", undefined);
    assert.equal(listings.peek("", "d"), undefined);
    const under = Promise.withResolvers<ListPage>();
    const taken = listings.firstPage.take("", under.promise);
    listings.set("x/", "a", undefined);
    under.resolve(await page());
    await taken;
    assert.equal(listings.peek("", "d"), undefined);
  }));
