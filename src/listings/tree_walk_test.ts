import assert from "node:assert/strict";
import { systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { TransportError } from "../s3/errors.ts";
import type { ListOptions, ListPage } from "../s3/object_store.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { AttributeLoader } from "./attribute_loader.ts";
import { AttributeDatabase } from "./attribute_store.ts";
import { DirectoryListings } from "./directory_listings.ts";

const never = new AbortController().signal;

/** Remembers which pages without a delimiter were asked for. */
class WatchedStore extends MemoryStore {
  flat = 0;
  change: (page: ListPage) => ListPage = (page) => page;

  override async list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    const page = await super.list(options, signal);
    if (options.delimiter !== undefined) return page;
    this.flat++;
    return this.change(page);
  }
}

interface Scene {
  readonly store: WatchedStore;
  readonly listings: DirectoryListings;
  /** Reads directories as find(1) does; returns their prefixes with how many names are in each. */
  readonly find: (prefix: string, isPruned?: (prefix: string) => boolean) => Promise<
    Map<string, number>
  >;
}

async function withTree(keys: Iterable<string>, body: (scene: Scene) => unknown): Promise<void> {
  const store = new WatchedStore();
  for (const key of keys) await store.put(key, new Uint8Array(1), {}, never);
  using database = disposable(new AttributeDatabase(":memory:"));
  const attributes = new AttributeLoader(store, database.of("b"), "fast");
  const log = logger("test");
  const listings = new DirectoryListings({
    store,
    clock: systemClock,
    log,
    ttlMs: 60_000,
    attributes,
  });
  const find: Scene["find"] = async (prefix, isPruned = () => false) => {
    const found = new Map<string, number>();
    const read = async (at: string): Promise<void> => {
      const listing = await listings.readAll(at, never);
      found.set(at, listing.size);
      for (const name of listing.directories()) {
        if (!isPruned(`${at}${name}/`)) await read(`${at}${name}/`);
      }
    };
    await read(prefix);
    return found;
  };
  await body({ store, listings, find });
}

function disposable<T extends { close(): void }>(value: T): T & Disposable {
  return Object.assign(value, { [Symbol.dispose]: () => value.close() });
}

function* tree(root: string, directories: number, files: number): Generator<string> {
  for (let d = 0; d < directories; d++) {
    for (let f = 0; f < files; f++) yield `${root}d${String(d).padStart(5, "0")}/f${f}`;
  }
}

Deno.test("TreeWalk reads 1,000 directories of 20 files by 22 requests", () =>
  withTree(tree("", 1000, 20), async ({ store, find }) => {
    const found = await find("");
    assert.equal(found.size, 1001);
    assert.ok([...found].every(([prefix, size]) => size === (prefix === "" ? 1000 : 20)));
    // The root, the first directory, and 19,980 keys.
    assert.deepEqual([store.counts.list, store.flat], [22, 20]);
    await find("");
    assert.equal(store.counts.list, 22, "all is known");
  }));

Deno.test("TreeWalk reads directories in directories by as few requests", async () => {
  const keys = [..."0123456789"].flatMap((a) => [...tree(`a${a}/`, 100, 20)]);
  await withTree(keys, async ({ store, find }) => {
    assert.equal((await find("")).size, 1011);
    assert.ok(store.counts.list <= 22, `${store.counts.list} requests`);
  });
});

Deno.test("TreeWalk asks for nothing of what lies beside the tree that is read", () =>
  withTree([...tree("in/", 100, 20), ...tree("out/", 500, 20)], async ({ store, find }) => {
    await find("in/");
    assert.deepEqual([store.counts.list, store.flat], [4, 2]);
  }));

Deno.test("TreeWalk leaves alone who reads here and there", () =>
  withTree(tree("", 100, 20), async ({ store, listings }) => {
    await listings.readAll("", never);
    for (const d of [7, 3, 50, 51, 12, 90]) {
      await listings.readAll(`d000${d / 10 | 0}${d % 10}/`, never);
    }
    assert.deepEqual([store.counts.list, store.flat], [7, 0]);
  }));

Deno.test("TreeWalk costs one request when two directories are read in order and no more", () =>
  withTree(tree("", 100, 20), async ({ store, listings }) => {
    for (const prefix of ["", "d00000/", "d00001/"]) await listings.readAll(prefix, never);
    assert.deepEqual([store.counts.list, store.flat], [3, 1]);
  }));

Deno.test("TreeWalk does not read a huge directory that the walk leaves out", async () => {
  const keys = [...tree("", 50, 20), ...Array.from({ length: 8000 }, (_, i) => `d00020x/f${i}`)];
  await withTree(keys, async ({ store, find }) => {
    const found = await find("", (prefix) => prefix === "d00020x/");
    assert.equal(found.size, 51);
    // Two of the tree itself, and what was on its way when the walk went past.
    assert.ok(store.counts.list <= 8, `${store.counts.list} requests`);
  });
});

Deno.test("TreeWalk costs a directory with many files two requests at most", async () => {
  const keys = [...tree("", 50, 20), ...Array.from({ length: 8000 }, (_, i) => `d00020x/f${i}`)];
  await withTree(keys, async ({ store, find }) => {
    assert.equal((await find("")).get("d00020x/"), 8000);
    const alone = 1 + 50 + 8;
    assert.ok(store.counts.list < alone / 2, `${store.counts.list} requests`);
  });
});

Deno.test("TreeWalk lets large directories be read by pages of their own", async () => {
  const keys = [..."abcde"].flatMap((a) => Array.from({ length: 3500 }, (_, i) => `${a}/f${i}`));
  await withTree(keys, async ({ store, find }) => {
    await find("");
    assert.equal(store.flat, 0);
  });
});

Deno.test("TreeWalk serves many who go through a tree together", () =>
  withTree(tree("", 400, 20), async ({ store, listings }) => {
    const names = (await listings.readAll("", never)).directories();
    const work = names.values();
    const sizes: number[] = [];
    const one = async () => {
      for (const name of work) sizes.push((await listings.readAll(`${name}/`, never)).size);
    };
    await Promise.all(Array.from({ length: 8 }, one));
    assert.deepEqual([...new Set(sizes)], [20]);
    assert.ok(store.counts.list < 30, `${store.counts.list} requests`);
  }));

Deno.test("TreeWalk goes on without an endpoint that fails or lists in another order", async () => {
  for (const trouble of ["fails", "order"]) {
    await withTree(tree("", 60, 20), async ({ store, find }) => {
      store.change = (page) => {
        if (trouble === "order") return { ...page, objects: page.objects.toReversed() };
        throw new TransportError("reset", { operation: "ListObjectsV2", bucket: "b" });
      };
      const found = await find("");
      assert.equal(found.size, 61);
      assert.ok([...found].every(([prefix, size]) => size === (prefix === "" ? 60 : 20)));
    });
  }
});

Deno.test("TreeWalk does not go on for ever when nothing more is read", () =>
  withTree(tree("", 1000, 20), async ({ store, listings }) => {
    for (const prefix of ["", "d00000/", "d00001/", "d00002/", "d00003/", "d00004/"]) {
      await listings.readAll(prefix, never);
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.ok(store.flat <= 2, `${store.flat} pages`);
  }));
