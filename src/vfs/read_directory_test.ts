import assert from "node:assert/strict";
import { advance, context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { type SeededRandom, withSeed } from "../../tests/support/seeded_random.ts";
import { TransportError } from "../s3/errors.ts";
import type { ListOptions, ListPage } from "../s3/object_store.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { errnoOf } from "./errno_map.ts";
import type { Dirent, HandleId, InodeNumber } from "./file_system.ts";

/** A bucket with small pages, which come when the test says so once it has set `held`. */
class PagedStore extends MemoryStore {
  held: PromiseWithResolvers<void>[] | undefined;
  readonly #pageSize: number;

  constructor(pageSize: number) {
    super();
    this.#pageSize = pageSize;
  }

  override async list(options: ListOptions, signal: AbortSignal): Promise<ListPage> {
    const page = await super.list({ maxKeys: this.#pageSize, ...options }, signal);
    if (this.held === undefined || options.delimiter === undefined) return page;
    const gate = Promise.withResolvers<void>();
    this.held.push(gate);
    await gate.promise;
    return page;
  }
}

/** An open directory, read a few entries at a time as the kernel does. */
class Reader {
  readonly seen: string[] = [];
  readonly #volume: MemoryVolume;
  readonly #ino: InodeNumber;
  readonly fh: HandleId;
  position = 0;

  constructor(volume: MemoryVolume, ino: InodeNumber) {
    this.#volume = volume;
    this.#ino = ino;
    this.fh = volume.fs.opendir(ino, 0, context).fh;
  }

  /** At most `count` entries behind the position; false at the end. */
  async read(count: number): Promise<boolean> {
    const found: Dirent[] = [];
    let room = count;
    const { fs } = this.#volume;
    await fs.readdir(this.#ino, this.fh, this.position, (dirent) => {
      if (room-- === 0) return false;
      found.push(dirent);
      return true;
    }, context);
    for (const dirent of found) {
      const entry = dirent.entry?.();
      if (entry !== undefined && entry.ino !== 0) fs.forget(entry.ino, 1);
      if (!dirent.name.startsWith(".")) this.seen.push(dirent.name);
      this.position = dirent.cookie;
    }
    return found.length > 0;
  }

  async readAll(count: number): Promise<string[]> {
    while (await this.read(count));
    return this.seen;
  }

  close(): void {
    this.#volume.fs.releasedir(this.#ino, this.fh, context);
  }
}

async function filled(pageSize: number, names: readonly string[]): Promise<MemoryVolume> {
  const store = new PagedStore(pageSize);
  const volume = new MemoryVolume({ store, clock: new FakeClock(1) });
  for (const name of names) await volume.putObject(`d/${name}`);
  return volume;
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `n${String(i).padStart(3, "0")}`);
}

Deno.test("readdir gives the first names before the last page has come", async () => {
  await using volume = await filled(10, numbered(25));
  const ino = await volume.ino("d");
  const store = volume.store as PagedStore;
  const held: PromiseWithResolvers<void>[] = store.held = [];
  const calls = await volume.calls(async () => {
    const reader = new Reader(volume, ino);
    const first = reader.read(100);
    await until(() => held.length === 1);
    held[0]!.resolve();
    assert.equal(await first, true);
    // Of the last name of a page it is not yet known whether it is a directory.
    assert.deepEqual(reader.seen, numbered(9));
    await until(() => held.length === 2);
    const second = reader.read(100);
    held[1]!.resolve();
    assert.equal(await second, true);
    assert.deepEqual(reader.seen, numbered(19));
    await until(() => held.length === 3);
    const last = reader.read(100);
    held[2]!.resolve();
    await last;
    assert.equal(await reader.read(100), false);
    assert.deepEqual(reader.seen, numbered(25));
    reader.close();
  });
  assert.deepEqual(calls, { list: 3 });
  store.held = undefined;
  // Missing names, and all again: nothing needs to be asked.
  const again = await volume.calls(async () => {
    assert.equal((await volume.entry("d/nothing")).ino, 0);
    assert.equal((await volume.list("d")).length, 25);
    assert.notEqual((await volume.entry("d/n024")).ino, 0);
  });
  assert.deepEqual(again, {});
});

Deno.test("a name that is a file and a directory is one directory, though they are pages apart", async () => {
  const names = ["a", ...numbered(15).map((name) => `a-${name}`), "a/x", "b"];
  await using volume = await filled(10, names);
  const ino = await volume.ino("d");
  const held: PromiseWithResolvers<void>[] = (volume.store as PagedStore).held = [];
  const reader = new Reader(volume, ino);
  const first = reader.read(100);
  await until(() => held.length === 1);
  held[0]!.resolve();
  await first;
  assert.deepEqual(reader.seen, [], 'what "a" is will be known with the next page');
  await until(() => held.length === 2);
  held[1]!.resolve();
  const seen = await reader.readAll(4);
  reader.close();
  assert.deepEqual([...seen].sort(), ["a", ...numbered(15).map((name) => `a-${name}`), "b"]);
  const { attr } = await volume.entry("d/a");
  assert.equal(attr!.mode & 0o170000, 0o040000);
  assert.equal(volume.fs.hiddenKeyCount, 1);
  (volume.store as PagedStore).held = undefined;
});

Deno.test("a position in a directory means the same as long as it is open", async () => {
  await using volume = await filled(10, numbered(35));
  const reader = new Reader(volume, await volume.ino("d"));
  const cookies: number[] = [];
  while (await reader.read(3)) cookies.push(reader.position);
  const all = [...reader.seen];
  for (const index of [7, 2, 9]) {
    reader.seen.length = 0;
    reader.position = cookies[index]!;
    await reader.readAll(5);
    assert.deepEqual(reader.seen, all.slice(3 * index + 1));
  }
  reader.close();
});

Deno.test("a listing that breaks off is an error for the reader, and the next one goes on", async () => {
  await using volume = await filled(10, numbered(25));
  const { store } = volume;
  const ino = await volume.ino("d");
  let lists = 0;
  store.hook = ({ method }) => {
    if (method === "list" && ++lists > 1) {
      throw new TransportError("gone", { operation: "ListObjects", bucket: "b" });
    }
  };
  const reader = new Reader(volume, ino);
  await reader.read(100);
  await assert.rejects(reader.read(100), /gone/);
  store.hook = undefined;
  await advance(volume, 501);
  await reader.readAll(100);
  assert.deepEqual(reader.seen, numbered(25));
  reader.close();
});

Deno.test("whatever changes while a directory is read, names that stay are given once", () =>
  withSeed(async (random) => {
    for (let run = 0; run < 15; run++) await readWhileChanging(random);
  }));

/** Reads with other people's and own changes between the steps. */
async function readWhileChanging(random: SeededRandom): Promise<void> {
  const names = numbered(5 + random.below(60)).filter(() => random.below(4) > 0);
  await using volume = await filled(1 + random.below(8), names);
  const staying = new Set(names);
  const made = new Set<string>();
  const reader = new Reader(volume, await volume.ino("d"));
  let goesOn = true;
  for (let step = 0; goesOn; step++) {
    const name = `n${String(random.below(70)).padStart(3, "0")}`;
    switch (random.below(4)) {
      case 0:
        if (!staying.has(name) && !made.has(name)) {
          await volume.write(`d/${name}`, "new");
          made.add(name);
        }
        break;
      case 1:
        if (staying.delete(name)) await volume.unlink(`d/${name}`);
        break;
      case 2:
        if (staying.has(name)) await volume.write(`d/${name}`, "changed");
        break;
    }
    goesOn = await reader.read(1 + random.below(6));
  }
  reader.close();
  const { seen } = reader;
  assert.equal(new Set(seen).size, seen.length, `twice: ${seen}`);
  for (const name of staying) assert.ok(seen.includes(name), `${name} is missing: ${seen}`);
  for (const name of seen) assert.ok(names.includes(name) || made.has(name), name);
  assert.deepEqual((await volume.list("d")).sort(), [...staying, ...made].sort());
}

Deno.test("Files that were only listed can be looked at, read, changed and removed by their numbers", async () => {
  const clock = new FakeClock(1);
  await using volume = new MemoryVolume({ clock, ttlMs: 1000 });
  const names = ["gone", "kept", "old", "read", "removed", "written"];
  for (const name of names) await volume.putObject(`d/${name}`, name);
  const given = new Map<string, InodeNumber>();
  const list = async () => {
    for (const { name, entry } of await volume.dirents("d")) {
      const { ino, attr } = entry!();
      assert.equal(attr?.size, name.length, name);
      assert.equal(given.get(name) ?? ino, ino, name);
      given.set(name, ino as InodeNumber);
    }
  };
  await list();
  await list();
  const number = (name: string) => given.get(name)!;
  const { fs } = volume;
  assert.deepEqual(
    await volume.calls(async () => {
      assert.equal((await fs.getattr(number("kept"), undefined, context)).attr.size, 4);
      assert.equal((await volume.entry("d/kept")).ino, number("kept"));
      assert.deepEqual(fs.listxattr(number("kept")), []);
      const { fh } = await fs.open(number("read"), 0, context);
      assert.equal(await volume.readOpen({ ino: number("read"), fh }), "read");
      fs.release(number("read"), fh, context);
    }),
    { get: 1 },
  );
  await volume.write("d/written", "written anew");
  await volume.unlink("d/removed");
  assert.equal((await volume.entry("d/written")).ino, number("written"));

  // Somebody else changes the bucket, and the listing is made anew.
  await volume.putObject("d/old", "new bytes");
  await volume.store.delete("d/gone", context.signal);
  await advance(volume, 2000);
  assert.deepEqual(await volume.list("d"), ["kept", "old", "read", "written"]);
  const { attr } = await fs.getattr(number("old"), undefined, context);
  assert.deepEqual([attr.ino, attr.size], [number("old"), 9]);
  assert.equal((await fs.getattr(number("removed"), undefined, context)).attr.nlink, 0);
  await assert.rejects(
    async () => await fs.getattr(number("gone"), undefined, context),
    (error) => errnoOf(error) === "ESTALE",
  );
  for (const ino of given.values()) fs.forget(ino, 100);
  fs.forget(await volume.ino("d"), 100);
  assert.deepEqual(fs.counts(), { inodes: 1, handles: 0 });
});
