/**
 * Random operations on a mount, each compared with a model in memory: its outcome, and at the end the
 * whole tree, three times: in the mount, after a remount, and as another S3 client sees it.
 */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { Model, ModelError } from "../support/mount_model.ts";
import { type SeededRandom, withSeed } from "../support/seeded_random.ts";

const STEPS = 1500;
const FILE_BYTES_MAX = 200_000;
/** Few, so that names meet. */
const NAMES = ["a", "b", "c", "A", "a b", "ä+%", "x.txt", "d.d"];
const DEPTH_MAX = 4;

type Operation = readonly [weight: number, run: (test: RandomTest) => Promise<void>];

class RandomTest {
  readonly model = new Model();
  readonly random: SeededRandom;
  readonly folder: string;
  readonly journal: string[] = [];

  constructor(random: SeededRandom, folder: string) {
    this.random = random;
    this.folder = folder;
  }

  /** Mostly a path that exists, else one that may. */
  path(kind?: "file" | "folder"): string {
    const paths = [...this.model.walk()].filter(([, node]) => !kind || node.kind === kind);
    if (paths.length > 0 && this.random.next() < 0.85) return this.random.pick(paths)[0];
    const depth = this.random.below(DEPTH_MAX) + 1;
    return Array.from({ length: depth }, () => this.random.pick(NAMES)).join("/");
  }

  /** A path that may be free, in a folder that mostly exists. */
  newPath(): string {
    const folders = [...this.model.walk()].filter(([path, { kind }]) =>
      kind === "folder" && path.split("/").length < DEPTH_MAX
    );
    const parent = folders.length > 0 && this.random.next() < 0.8
      ? `${this.random.pick(folders)[0]}/`
      : "";
    return parent + this.random.pick(NAMES);
  }

  bytes(max: number): Uint8Array<ArrayBuffer> {
    const size = this.random.next() < 0.3
      ? this.random.pick([0, 1, 4095, 4096, 4097, 65536, 131072, 131073])
      : this.random.below(max);
    // Made in words: a call for each byte would take longer than writing the file.
    const words = new Uint32Array(Math.ceil(Math.min(size, max) / 4));
    for (let i = 0; i < words.length; i++) words[i] = this.random.next() * 2 ** 32;
    return new Uint8Array(words.buffer, 0, Math.min(size, max));
  }

  real(path: string): string {
    return `${this.folder}/${path}`;
  }

  /** Does the same to the mount and to the model, and compares results or errors. */
  async both<T>(what: string, onMount: () => Promise<T>, onModel: () => T): Promise<void> {
    this.journal.push(what);
    const [actual, expected] = [await outcome(onMount), await outcome(() => onModel())];
    assert.deepEqual(actual, expected, `step ${this.journal.length}: ${what}`);
  }
}

const OPERATIONS: readonly Operation[] = [
  [14, async (test) => {
    const path = test.newPath();
    const bytes = test.bytes(test.random.next() < 0.1 ? FILE_BYTES_MAX : 5000);
    await test.both(
      `create ${path} ${bytes.length}`,
      () => Deno.writeFile(test.real(path), bytes),
      () => test.model.create(path, bytes),
    );
  }],
  [12, async (test) => {
    const path = test.path("file");
    const bytes = test.bytes(20_000);
    const offset = test.random.below(FILE_BYTES_MAX / 2);
    await test.both(
      `write ${path} ${offset}+${bytes.length}`,
      async () => {
        using file = await Deno.open(test.real(path), { read: true, write: true });
        await file.seek(offset, Deno.SeekMode.Start);
        await writeAll(file, bytes);
      },
      () => test.model.write(path, offset, bytes),
    );
  }],
  [6, async (test) => {
    const path = test.path("file");
    const [one, two] = [test.bytes(3000), test.bytes(3000)];
    const cut = test.random.below(10_000);
    await test.both(
      `write, cut to ${cut}, append ${path}`,
      async () => {
        using file = await Deno.open(test.real(path), { write: true, append: true });
        await writeAll(file, one);
        await file.truncate(cut);
        await writeAll(file, two);
        await file.sync();
      },
      () => {
        test.model.write(path, test.model.file(path).bytes.length, one);
        test.model.truncate(path, cut);
        test.model.write(path, cut, two);
      },
    );
  }],
  [8, async (test) => {
    const path = test.path("file");
    const bytes = test.bytes(3000);
    await test.both(
      `append ${path} ${bytes.length}`,
      () => Deno.writeFile(test.real(path), bytes, { append: true, create: false }),
      () => test.model.write(path, test.model.file(path).bytes.length, bytes),
    );
  }],
  [8, async (test) => {
    const path = test.path("file");
    const size = test.random.below(test.random.next() < 0.1 ? FILE_BYTES_MAX : 6000);
    await test.both(
      `truncate ${path} ${size}`,
      () => Deno.truncate(test.real(path), size),
      () => test.model.truncate(path, size),
    );
  }],
  [10, async (test) => {
    const path = test.newPath();
    await test.both(
      `mkdir ${path}`,
      () => Deno.mkdir(test.real(path)),
      () => test.model.mkdir(path),
    );
  }],
  [8, async (test) => {
    const path = test.path();
    await test.both(
      `remove ${path}`,
      () => Deno.remove(test.real(path)),
      () => test.model.remove(path),
    );
  }],
  [10, async (test) => {
    const from = test.path();
    const to = test.random.next() < 0.4 ? test.path() : test.newPath();
    await test.both(
      `rename ${from} -> ${to}`,
      () => Deno.rename(test.real(from), test.real(to)),
      () => test.model.rename(from, to),
    );
  }],
  [12, async (test) => {
    const path = test.path("file");
    await test.both(
      `read ${path}`,
      async () => [...await Deno.readFile(test.real(path))],
      () => [...test.model.file(path).bytes],
    );
  }],
  [6, async (test) => {
    const path = test.path("folder");
    await test.both(
      `list ${path}`,
      async () => (await names(test.real(path))).sort(),
      () => [...test.model.folder(path).children.keys()].sort(),
    );
  }],
  [8, async (test) => {
    const path = test.path();
    await test.both(
      `stat ${path}`,
      async () => {
        const { isFile, size } = await Deno.stat(test.real(path));
        return isFile ? size : "folder";
      },
      () => {
        const node = test.model.find(path);
        return node.kind === "file" ? node.bytes.length : "folder";
      },
    );
  }],
  [3, async (test) => {
    const path = test.path("file");
    const to = test.newPath();
    const bytes = test.bytes(4000);
    // As programs save: the new content under another name, over the old one when it is whole.
    await test.both(
      `save ${path} by way of ${to}`,
      async () => {
        await Deno.writeFile(test.real(to), bytes);
        await Deno.rename(test.real(to), test.real(path));
      },
      () => {
        test.model.create(to, bytes);
        test.model.rename(to, path);
      },
    );
  }],
];

for (const server of ["real", "serve-s3"] as const) {
  mountTest(
    `${STEPS / 2} random operations leave what a model holds (${server} server)`,
    async () => {
      await withSeed(async (random) => {
        await withMountedBuckets(async (mounted) => {
          const test = new RandomTest(random, mounted.path());
          try {
            for (let step = 0; step < STEPS / 2; step++) await pickOperation(random)(test);
            await compareTree(test, "in the mount");
            await compareObjects(test, mounted);
            await mounted.restart();
            await compareTree(test, "after a remount");
          } catch (error) {
            const last = test.journal.slice(-25).join("\n  ");
            throw new Error(`After:\n  ${last}`, { cause: error });
          }
        }, { server });
      });
    },
  );
}

function pickOperation(random: SeededRandom): Operation[1] {
  let at = random.below(OPERATIONS.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, run] of OPERATIONS) {
    if (at < weight) return run;
    at -= weight;
  }
  throw new Error("The weights do not add up");
}

async function compareTree(test: RandomTest, where: string): Promise<void> {
  const expected = [...test.model.walk()].map(([path]) => path).sort();
  assert.deepEqual((await walk(test.folder)).sort(), expected, `names ${where}`);
  for (const [path, node] of test.model.walk()) {
    if (node.kind === "folder") continue;
    assertSame(await Deno.readFile(test.real(path)), node.bytes, `"${path}" ${where}`);
    assert.equal((await Deno.stat(test.real(path))).size, node.bytes.length);
  }
}

/** Every file is an object with its bytes; every other object stands for a folder. */
async function compareObjects(test: RandomTest, mounted: MountedBuckets): Promise<void> {
  const keys = new Set(await mounted.other().keys());
  for (const [path, node] of test.model.walk()) {
    if (node.kind === "folder") {
      const shown = [...keys].some((key) => key.startsWith(`${path}/`));
      assert.ok(shown, `no object shows the folder "${path}"`);
    } else {
      assert.ok(keys.has(path), `there is no object "${path}"`);
      assertSame(await mounted.other().get(path), node.bytes, `object "${path}"`);
    }
  }
  for (const key of keys) {
    const node = await outcome(() => test.model.find(key.replace(/\/$/, "")).kind);
    assert.deepEqual(node, { value: key.endsWith("/") ? "folder" : "file" }, `object "${key}"`);
  }
}

function assertSame(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (actual.length !== expected.length) {
    assert.fail(`${what} has ${actual.length} bytes, not ${expected.length}`);
  }
  const at = actual.findIndex((byte, index) => byte !== expected[index]);
  if (at >= 0) assert.fail(`${what} differs at ${at}`);
}

async function outcome<T>(work: () => T | Promise<T>): Promise<{ value: T } | { error: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof ModelError) return { error: error.code };
    if (!(error instanceof Error)) throw error;
    const { code } = error as Error & { code?: unknown };
    if (typeof code === "string") return { error: code };
    throw error;
  }
}

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found;
}

async function walk(folder: string, prefix = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    found.push(prefix + name);
    if (isDirectory) found.push(...await walk(`${folder}/${name}`, `${prefix}${name}/`));
  }
  return found;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}
