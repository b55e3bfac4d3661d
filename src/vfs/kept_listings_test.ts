/** Directories shown after a restart as they were before: what they may and what they must not show. */
import assert from "node:assert/strict";
import { nextTurn } from "../base/clock.ts";
import { TransportError } from "../s3/errors.ts";
import type { CacheNotifier } from "./file_system.ts";
import { FsError } from "./file_system.ts";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import {
  advance,
  context,
  copyDatabase,
  MemoryVolume,
  until,
} from "../../tests/support/memory_volume.ts";
import { type SeededRandom, withSeed } from "../../tests/support/seeded_random.ts";

const TTL_MS = 60_000;
const never = new AbortController().signal;

/** A folder for listings on disk; `copy` is what a power cut may leave of them. */
class Disk implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  #files = 0;

  newPath(): string {
    return `${this.#folder}/${++this.#files}.db`;
  }

  copy(path: string): string {
    const copy = this.newPath();
    copyDatabase(path, copy);
    return copy;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Lets listings that wait to be saved be saved. */
async function save(volume: MemoryVolume): Promise<void> {
  await advance(volume, 2000);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

/** Ends a volume as a clean stop does, and starts the next one `laterMs` later. */
async function restartCleanly(
  volume: MemoryVolume,
  path: string,
  disk: Disk,
  laterMs: number,
): Promise<MemoryVolume> {
  await volume.fs.close();
  const next = await volume.restart(undefined, disk.copy(path));
  await advance(next, laterMs);
  return next;
}

Deno.test("a directory is there after a restart without a request, and is then listed anew", async () => {
  using disk = new Disk();
  const path = disk.newPath();
  await using volume = new MemoryVolume({ clock: new FakeClock(1e12), listingsPath: path });
  for (let i = 0; i < 3000; i++) await volume.putObject(`d/${i}`);
  assert.equal((await volume.list("d")).length, 3000);
  await using next = await restartCleanly(volume, path, disk, TTL_MS + 1);
  const gate = Promise.withResolvers<void>();
  next.store.hook = () => gate.promise;
  const before = next.store.counts.list;
  assert.equal((await next.list("d")).length, 3000);
  next.store.hook = undefined;
  // Those of "" and "d" that are to confirm it.
  assert.ok(next.store.counts.list > before);
  assert.ok((await next.entry("d/7")).entryTtlMs <= 3000);
  gate.resolve();
  await until(() => next.store.counts.list >= before + 4);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  assert.equal((await next.entry("d/7")).entryTtlMs, TTL_MS);
});

Deno.test("a directory younger than its TTL is not listed anew after a restart", async () => {
  using disk = new Disk();
  const path = disk.newPath();
  await using volume = new MemoryVolume({ clock: new FakeClock(1e12), listingsPath: path });
  await volume.putObject("d/x");
  await volume.list("d");
  await using next = await restartCleanly(volume, path, disk, TTL_MS / 2);
  const calls = await next.calls(async () => {
    assert.deepEqual(await next.list("d"), ["x"]);
    assert.equal((await next.entry("d/none")).ino, 0);
  });
  assert.deepEqual(calls, {});
});

Deno.test("what others did meanwhile is told to the kernel, and seen by who asks for it", async () => {
  using disk = new Disk();
  const path = disk.newPath();
  await using volume = new MemoryVolume({ clock: new FakeClock(1e12), listingsPath: path });
  for (const name of ["same", "changed", "gone"]) await volume.putObject(`d/${name}`, "old");
  await volume.list("d");
  await using next = await restartCleanly(volume, path, disk, TTL_MS + 1);
  await next.putObject("d/changed", "newer");
  await next.putObject("d/new", "new");
  await next.store.delete("d/gone", never);
  const told: string[] = [];
  const notifier: CacheNotifier = {
    invalidateInode: () => {},
    invalidateEntry: (_parent, name) => told.push(name),
    expireEntry: () => {},
  };
  next.fs.setNotifier(notifier);
  const gate = Promise.withResolvers<void>();
  next.store.hook = ({ method }) => method === "list" ? gate.promise : undefined;
  assert.deepEqual(await next.list("d"), ["changed", "gone", "same"]);
  const inos = new Map<string, number>();
  for (const name of ["same", "changed", "gone"]) {
    inos.set(name, await next.ino(`d/${name}`));
  }
  const opened = ["changed", "gone"].map(async (name) => {
    await assert.rejects(
      async () => await next.fs.open(inos.get(name) as never, 0, context),
      (error) => error instanceof FsError && error.errno === "ESTALE",
    );
  });
  const found = next.read("d/new");
  gate.resolve();
  await Promise.all(opened);
  assert.equal(await found, "new");
  // As the kernel does after ESTALE.
  assert.equal(await next.read("d/changed"), "newer");
  assert.equal((await next.entry("d/gone")).ino, 0);
  await until(() => told.length === 3);
  assert.deepEqual(told.sort(), ["changed", "gone", "new"]);
});

Deno.test("opening a file of a long directory asks for that file alone while it is listed anew", async () => {
  using disk = new Disk();
  const path = disk.newPath();
  await using volume = new MemoryVolume({ clock: new FakeClock(1e12), listingsPath: path });
  for (let i = 0; i < 2000; i++) await volume.putObject(`d/${i}`, "old");
  await volume.list("d");
  await using next = await restartCleanly(volume, path, disk, TTL_MS + 1);
  await next.putObject("d/1", "newer");
  await next.store.delete("d/2", never);
  const gate = Promise.withResolvers<void>();
  next.store.hook = ({ method }) => method === "list" ? gate.promise : undefined;
  await next.list("d");
  const calls = await next.calls(async () => {
    assert.equal(await next.read("d/0"), "old");
    for (const name of ["1", "2"]) {
      await assert.rejects(next.read(`d/${name}`), /replaced or removed/);
    }
    assert.equal(await next.read("d/1"), "newer");
  });
  assert.deepEqual(calls, { head: 4, get: 2 });
  gate.resolve();
  await settle();
});

Deno.test("a directory is shown after a restart while the endpoint is away", async () => {
  using disk = new Disk();
  const path = disk.newPath();
  await using volume = new MemoryVolume({ clock: new FakeClock(1e12), listingsPath: path });
  await volume.putObject("d/x");
  await volume.list("d");
  await using next = await restartCleanly(volume, path, disk, TTL_MS + 1);
  next.store.hook = () => {
    throw new TransportError("refused", { operation: "ListObjectsV2", bucket: "b" });
  };
  assert.deepEqual(await next.list("d"), ["x"]);
  await advance(next, 10_000);
  assert.deepEqual(await next.list("d"), ["x"]);
});

Deno.test("what S3 has got when the program is killed is shown after the restart", async () => {
  using disk = new Disk();
  const path = disk.newPath();
  await using volume = new MemoryVolume({ clock: new FakeClock(1e12), listingsPath: path });
  await volume.putObject("d/old", "before");
  await volume.list("d");
  await save(volume);
  const gate = Promise.withResolvers<void>();
  let arrived = 0;
  volume.store.answerHook = ({ method }) => {
    if (method !== "put") return undefined;
    arrived++;
    return gate.promise;
  };
  const writes = [volume.write("d/old", "after"), volume.write("d/new", "new")];
  await until(() => arrived === 2);
  await volume.list("d");
  await save(volume);
  // Killed before the answers come.
  await using next = await volume.restart(undefined, disk.copy(path));
  gate.resolve();
  await Promise.all(writes);
  assert.deepEqual(await next.list("d"), ["new", "old"]);
  assert.equal(await next.read("d/old"), "after");
});

Deno.test("a listing on disk never lacks what was acknowledged, whatever a kill or a power cut leaves", () =>
  withSeed(async (random) => {
    for (let round = 0; round < 8; round++) await playRound(random);
  }));

/** Random changes; then the next start with listings of some earlier moment. */
async function playRound(random: SeededRandom): Promise<void> {
  using disk = new Disk();
  await using stack = new AsyncDisposableStack();
  const paths = [disk.newPath()];
  let volume = stack.use(
    new MemoryVolume({
      clock: new FakeClock(1e12),
      durability: "journal",
      listingsPath: paths[0]!,
    }),
  );
  await volume.fs.recover();
  for (let life = 0; life < 3; life++) {
    const path = paths.at(-1)!;
    const snapshots = [disk.copy(path)];
    for (let step = random.below(40); step >= 0; step--) {
      await changeSomething(volume, random);
      if (random.below(4) === 0) await volume.fs.drain(never);
      if (random.below(4) === 0) await save(volume);
      if (random.below(4) === 0) snapshots.push(disk.copy(path));
    }
    if (random.below(2) === 0) await volume.fs.drain(never);
    const expected = await treeOf(volume, "");
    if (random.below(3) === 0) await volume.fs.close();
    else snapshots.push(disk.copy(path));
    const isClean = volume.journal.entries().every(({ kind }) => !kind.startsWith("outdated"));
    const left = isClean ? disk.copy(path) : random.pick(snapshots);
    paths.push(disk.copy(left));
    volume = stack.use(await volume.restart(undefined, paths.at(-1)!));
    assert.deepEqual(await treeOf(volume, ""), expected);
  }
}

async function changeSomething(volume: MemoryVolume, random: SeededRandom): Promise<void> {
  const directories = ["", "a/", "b/", "a/c/", "a/c/d/"];
  const path = () => random.pick(directories) + random.pick(["f", "g", "h"]);
  const directory = () => random.pick(directories.slice(1)).slice(0, -1);
  const kind = random.below(10);
  try {
    if (kind < 3) await volume.write(path(), String(random.below(1000)));
    else if (kind < 5) await volume.mkdir(directory());
    else if (kind < 6) await volume.unlink(path());
    else if (kind < 7) await volume.rename(path(), path());
    else if (kind < 8) await volume.rename(directory(), directory());
    else await treeOf(volume, "");
  } catch (error) {
    // What does not exist, or would replace what is not empty.
    if (!(error instanceof FsError) && !/There is no/.test(String(error))) throw error;
  }
}

/** All paths below a directory, those of directories with a "/". */
async function treeOf(volume: MemoryVolume, directory: string): Promise<string[]> {
  const paths: string[] = [];
  for (const { name, type } of await volume.dirents(directory)) {
    const path = directory === "" ? name : `${directory}/${name}`;
    const isDirectory = (type & 0o170000) === 0o040000;
    paths.push(isDirectory ? `${path}/` : path);
    if (isDirectory) paths.push(...await treeOf(volume, path));
  }
  return paths.sort();
}
