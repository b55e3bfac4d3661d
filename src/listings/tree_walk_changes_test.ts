/**
 * While somebody goes through a tree, this program changes it: whatever the pages under way have seen
 * of that, each directory must be known in the end as a LIST of its own tells it.
 */
import assert from "node:assert/strict";
import { systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { type SeededRandom, withSeed } from "../../tests/support/seeded_random.ts";
import { AttributeLoader } from "./attribute_loader.ts";
import { AttributeDatabase } from "./attribute_store.ts";
import { DirectoryListings } from "./directory_listings.ts";
import type { Listing } from "./listing.ts";

const never = new AbortController().signal;
const ROUNDS = 4;
const DIRECTORIES = ["a", "a-b", "b", "ü", "\u{1f600}"];
/** Keys of other programs: some cannot be files, some are file and directory at once. */
const FOREIGN = [
  "a",
  "a!",
  "a/x",
  "a//x",
  "/x",
  "b/c/d/e",
  `${"x".repeat(256)}/y`,
  "z/",
  "z",
  "\u{1f600}",
];

class Scene {
  readonly random: SeededRandom;
  readonly store = new MemoryStore();
  readonly database = new AttributeDatabase(":memory:");
  readonly listings: DirectoryListings;
  readonly removed = new Set<string>();
  readonly busy = new Set<string>();
  quietCount = 0;

  constructor(random: SeededRandom) {
    this.random = random;
    this.listings = this.fresh();
    this.listings.isRemoved = (key) => this.removed.has(key);
  }

  /** Listings that know nothing. */
  fresh(): DirectoryListings {
    const attributes = new AttributeLoader(this.store, this.database.of("b"), "fast");
    const log = logger("test");
    return new DirectoryListings({
      store: this.store,
      clock: systemClock,
      log,
      ttlMs: 60_000,
      attributes,
    });
  }

  /** A path below a directory: none, or some more directories, each with a "/" behind it. */
  directory(): string {
    return Array.from({ length: this.random.below(3) }, () => `${this.random.pick(DIRECTORIES)}/`)
      .join("");
  }

  /** As an upload ends: the object is there, then the listings know. */
  async put(key: string): Promise<void> {
    const { etag } = await this.store.put(key, new Uint8Array(this.random.below(9)), {}, never);
    const { size } = await this.quiet(() => this.store.head(key, never));
    const [prefix, name] = placeOf(key);
    if (key.endsWith("/")) {
      this.listings.set(prefix, name, { kind: "directory" });
      this.listings.setMarker(key);
    } else {
      this.listings.set(prefix, name, { kind: "file", size, etag, lastModifiedMs: 0 });
    }
    for (let at = prefix; at !== "";) {
      const [parent, name] = placeOf(at);
      this.listings.show(parent, name, { kind: "directory" });
      at = parent;
    }
  }

  /** As mkdir -p and then an upload end. */
  async putFile(directory: string, name: string): Promise<void> {
    for (let end = directory.indexOf("/"); end >= 0; end = directory.indexOf("/", end + 1)) {
      await this.put(directory.slice(0, end + 1));
    }
    await this.put(directory + name);
  }

  /** As removals end. */
  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.removed.add(key);
    for (const key of keys.toReversed()) {
      await this.store.delete(key, never);
      this.removed.delete(key);
      const [prefix, name] = placeOf(key);
      if (key.endsWith("/")) this.listings.forgetTree(key);
      this.listings.setDeleted(prefix, name, key.endsWith("/") ? "directory" : "file");
    }
  }

  /** Without delays. */
  async quiet<T>(work: () => Promise<T>): Promise<T> {
    this.quietCount++;
    try {
      return await work();
    } finally {
      this.quietCount--;
    }
  }
}

Deno.test("TreeWalk knows directories as they are, whatever is changed here meanwhile", () =>
  withSeed(async (random) => {
    for (let round = 0; round < ROUNDS; round++) {
      const scene = new Scene(random);
      await playRound(scene).finally(() => scene.database.close());
    }
  }));

async function playRound(scene: Scene): Promise<void> {
  const { random, store, listings } = scene;
  const count = 20 + random.below(60);
  for (let d = 0; d < count; d++) {
    for (let f = random.below(60); f >= 0; f--) {
      const directory = `t${d}/${scene.directory()}`;
      for (let end = directory.indexOf("/"); end >= 0; end = directory.indexOf("/", end + 1)) {
        await store.put(directory.slice(0, end + 1), new Uint8Array(), {}, never);
      }
      await store.put(`${directory}f${f}`, new Uint8Array(1), {}, never);
    }
    if (random.below(4) > 0) continue;
    await store.put(`t${d}/foreign/${random.pick(FOREIGN)}`, new Uint8Array(1), {}, never);
    await store.put(`t${d}/foreign/${random.pick(FOREIGN)}`, new Uint8Array(1), {}, never);
  }
  const delay = async () => {
    if (scene.quietCount > 0) return;
    for (let turns = random.below(60); turns > 0; turns--) await undefined;
  };
  store.hook = delay;
  store.answerHook = delay;
  let isOver = false;
  const change = async () => {
    while (!isOver) {
      const top = `t${random.below(count)}/`;
      if (!scene.busy.has(top)) {
        scene.busy.add(top);
        await changeOne(scene, top + scene.directory());
        scene.busy.delete(top);
      }
      for (let turns = random.below(100); turns > 0; turns--) await undefined;
    }
  };
  const changes = Array.from({ length: 3 }, change);
  const visited: string[] = [];
  const read = async (prefix: string): Promise<void> => {
    const listing = await listings.readAll(prefix, never);
    visited.push(prefix);
    for (const name of listing.directories()) {
      if (random.below(50) > 0) await read(`${prefix}${name}/`);
    }
  };
  await read("");
  isOver = true;
  await Promise.all(changes);
  store.hook = store.answerHook = undefined;
  const truth = scene.fresh();
  for (const prefix of visited) {
    const known = await listings.readAll(prefix, never);
    assert.deepEqual(contents(known), contents(await truth.readAll(prefix, never)), prefix);
  }
}

async function changeOne(scene: Scene, directory: string): Promise<void> {
  const { random, store } = scene;
  const kind = random.below(10);
  if (kind < 5) return await scene.putFile(directory, `f${random.below(70)}`);
  const { objects } = await scene.quiet(() => store.list({ prefix: directory }, never));
  const keys = objects.map(({ key }) => key).filter((key) => !key.includes("foreign"));
  const files = keys.filter((key) => !key.endsWith("/"));
  if (kind < 9 && files.length > 0) await scene.remove([random.pick(files)]);
  else if (directory.split("/").length > 2 && keys.length > 0) await scene.remove(keys);
}

function contents(listing: Listing): unknown {
  const entries = [...listing.entries()].map(([name, entry]) =>
    entry.kind === "file" ? `${name} ${entry.size} ${entry.etag}` : `${name}/`
  );
  return { entries: entries.sort() };
}

function placeOf(key: string): readonly [prefix: string, name: string] {
  const path = key.endsWith("/") ? key.slice(0, -1) : key;
  const split = path.lastIndexOf("/") + 1;
  return [path.slice(0, split), path.slice(split)];
}
