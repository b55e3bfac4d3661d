/**
 * Random operations, each acknowledged by the journal, while the endpoint fails, loses answers and is
 * slow, and while the program is killed again and again: what was acknowledged is always shown, and is
 * what S3 has in the end.
 */
import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { context, MemoryVolume } from "../../tests/support/memory_volume.ts";
import { type SeededRandom, withSeed } from "../../tests/support/seeded_random.ts";
import { S_IFDIR } from "../base/posix.ts";
import { TransportError } from "../s3/errors.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { ROOT_INODE } from "./file_system.ts";

const STEPS = 120;
/** Many more in a search by hand. */
const given = Deno.env.get("CLOUDMOUNT_FAULT_ROUNDS");
const ROUNDS = Number(given ?? 4);
const DIRECTORIES = ["d", "e", "d/s"];
const NAMES = ["a", "b", "c"];
const EXCHANGE = 2;

/** What the tree is to be: files by path; directories are undefined. */
type Model = Map<string, string | undefined>;

class World {
  readonly random: SeededRandom;
  readonly model: Model = new Map();
  readonly store: MemoryStore;
  volume: MemoryVolume;
  /** What happened so far, for who has to find out why. */
  readonly history: string[] = [];
  #isFaulty = false;
  #kills = 0;
  /** Requests may have an effect without an answer: that comes too late, or not at all. */
  readonly #losesAnswers: boolean;

  constructor(random: SeededRandom) {
    this.random = random;
    this.#losesAnswers = random.next() < 0.5;
    const clock = new FakeClock(Date.UTC(2026, 0, 1));
    this.store = new MemoryStore({ nowMs: () => clock.nowMs() });
    this.store.hook = () => this.#trouble();
    if (this.#losesAnswers) this.store.answerHook = () => this.#trouble();
    this.volume = new MemoryVolume({ store: this.store, durability: "journal", clock });
  }

  /** Some time passes, in which the endpoint has its moods. */
  async pass(): Promise<void> {
    this.#isFaulty = true;
    await (this.volume.clock as FakeClock).advance(this.random.below(4000));
    for (let turns = this.random.below(8); turns > 0; turns--) await turn();
    this.#isFaulty = false;
  }

  /** What waits for a pause after a failure makes time pass. */
  async awaited<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => isDone = true);
    done.catch(() => {});
    for (let turns = 0; !isDone; turns++) {
      await turn();
      if (turns > 50) await (this.volume.clock as FakeClock).advance(1000);
    }
    return await done;
  }

  /** What S3 has and what the journal says, for the history. */
  async state(): Promise<string> {
    const entries = this.volume.journal.entries().map(({ kind, key, value }) =>
      `${kind} ${key} ${JSON.stringify(value)}`
    );
    const { hook, answerHook } = this.store;
    this.store.hook = this.store.answerHook = undefined;
    const keys = this.volume.keys();
    this.store.hook = hook;
    this.store.answerHook = answerHook;
    return [...await keys, ...entries].join("\n  ");
  }

  async kill(): Promise<void> {
    const old = this.volume;
    const { hook, answerHook } = this.store;
    this.#kills++;
    this.volume = await old.restart(() => {
      const dead = () => Promise.reject(new DOMException("killed", "AbortError"));
      this.store.hook = dead;
      this.store.answerHook = dead;
      old.journal.beforeCommit = () => Promise.reject(new Error("killed"));
      return old[Symbol.asyncDispose]().then(() => {
        this.store.hook = hook;
        this.store.answerHook = answerHook;
      });
    });
  }

  async #trouble(): Promise<void> {
    const isFaulty = this.#isFaulty;
    const kills = this.#kills;
    for (let turns = this.random.below(4); turns > 0; turns--) await turn();
    if (this.#kills !== kills && !this.#losesAnswers) {
      throw new DOMException("killed", "AbortError");
    }
    if (isFaulty && this.random.next() < 0.15) {
      throw new TransportError("reset", { operation: "any", bucket: "b" });
    }
  }
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
const parentOf = (path: string) => path.slice(0, Math.max(0, path.lastIndexOf("/")));

function pathsOf(model: Model, kind: "file" | "directory"): string[] {
  return [...model].filter(([, text]) => (text === undefined) === (kind === "directory"))
    .map(([path]) => path);
}

/** A path whose directory exists. */
function anyPath({ random, model }: World): string {
  const directory = random.pick(["", ...pathsOf(model, "directory")]);
  return (directory === "" ? "" : `${directory}/`) + random.pick(NAMES);
}

function moveTree(model: Model, from: string, to: string): void {
  for (const [path, text] of [...model]) {
    if (path !== from && !path.startsWith(`${from}/`)) continue;
    model.delete(path);
    model.set(to + path.slice(from.length), text);
  }
}

type Step = (world: World) => Promise<string | undefined>;

/** Each does one thing, if it can be done now, and says what. */
const steps: Step[] = [
  async (world) => {
    const path = anyPath(world);
    const text = `${world.random.below(1e9)}`;
    await world.volume.write(path, text);
    world.model.set(path, text);
    return `write ${path} ${text}`;
  },
  async ({ volume, random, model }) => {
    const files = pathsOf(model, "file");
    if (files.length === 0) return undefined;
    const path = random.pick(files);
    const before = model.get(path)!;
    const file = await volume.open(path);
    const offset = random.below(before.length + 3);
    volume.writeOpen(file, "XY", offset);
    await volume.close(file);
    const after = before.padEnd(offset, "\0");
    model.set(path, after.slice(0, offset) + "XY" + after.slice(offset + 2));
    return `edit ${path} at ${offset}`;
  },
  async ({ volume, random, model }) => {
    const files = pathsOf(model, "file");
    if (files.length === 0) return undefined;
    const path = random.pick(files);
    await volume.unlink(path);
    model.delete(path);
    return `unlink ${path}`;
  },
  async (world) => {
    const { volume, random, model } = world;
    const files = pathsOf(model, "file");
    if (files.length === 0) return undefined;
    const from = random.pick(files);
    const to = anyPath(world);
    await volume.rename(from, to);
    const text = model.get(from);
    model.delete(from);
    model.set(to, text);
    return `rename ${from} ${to}`;
  },
  async ({ volume, random, model }) => {
    const files = pathsOf(model, "file");
    if (files.length < 2) return undefined;
    const [a, b] = [random.pick(files), random.pick(files)];
    await volume.rename(a, b, EXCHANGE);
    const text = model.get(a);
    model.set(a, model.get(b));
    model.set(b, text);
    return `exchange ${a} ${b}`;
  },
  async (world) => {
    const { volume, random, model } = world;
    const files = pathsOf(model, "file");
    const to = anyPath(world);
    if (files.length === 0) return undefined;
    const from = random.pick(files);
    if (from === to) return undefined;
    const text = model.get(from)!;
    const source = await volume.open(from, 0);
    const target = await volume.create(to);
    let how = "server";
    try {
      volume.fs.copyFileRange(source.ino, source.fh, 0, target.ino, target.fh, 0, text.length);
    } catch {
      how = "here";
      volume.writeOpen(target, text);
    }
    await volume.close(source);
    await volume.close(target);
    model.set(to, text);
    return `copy ${from} ${to} (${how})`;
  },
  async ({ volume, random, model }) => {
    const files = pathsOf(model, "file");
    if (files.length === 0) return undefined;
    const path = random.pick(files);
    const size = random.below(15);
    await volume.fs.setattr(await volume.ino(path), { size }, undefined, context);
    model.set(path, model.get(path)!.slice(0, size).padEnd(size, "\0"));
    return `truncate ${path} ${size}`;
  },
  async ({ volume, random, model }) => {
    const path = random.pick(DIRECTORIES);
    const parent = parentOf(path);
    if (model.has(path) || (parent !== "" && !model.has(parent))) return undefined;
    await volume.mkdir(path);
    model.set(path, undefined);
    return `mkdir ${path}`;
  },
  async ({ volume, random, model }) => {
    const empty = pathsOf(model, "directory").filter((directory) =>
      ![...model.keys()].some((path) => parentOf(path) === directory)
    );
    if (empty.length === 0) return undefined;
    const path = random.pick(empty);
    const parent = parentOf(path);
    const ino = parent === "" ? ROOT_INODE : await volume.ino(parent);
    await volume.ino(path);
    await volume.fs.rmdir(ino, path.slice(path.lastIndexOf("/") + 1), context);
    model.delete(path);
    return `rmdir ${path}`;
  },
  async ({ volume, random, model }) => {
    const [from, to] = random.pick([["d", "e"], ["e", "d"], ["d/s", "s"], ["s", "d/s"]] as const);
    const parent = parentOf(to);
    const isPossible = model.has(from) && !model.has(to) && (parent === "" || model.has(parent));
    if (!isPossible) return undefined;
    await volume.rename(from, to);
    moveTree(model, from, to);
    return `rename directory ${from} ${to}`;
  },
  async ({ volume, random, model }) => {
    const files = pathsOf(model, "file");
    if (files.length === 0) return undefined;
    const path = random.pick(files);
    const mode = random.pick([0o600, 0o755]);
    await volume.fs.setattr(await volume.ino(path), { mode }, undefined, context);
    return `chmod ${path}`;
  },
];

async function shown(volume: MemoryVolume, path = ""): Promise<Model> {
  const result: Model = new Map();
  for (const { name, type } of await volume.dirents(path)) {
    const child = path === "" ? name : `${path}/${name}`;
    if (type !== S_IFDIR) result.set(child, await volume.read(child));
    else {
      result.set(child, undefined);
      for (const [below, text] of await shown(volume, child)) result.set(below, text);
    }
  }
  return result;
}

const sorted = (model: Model) => Object.fromEntries([...model].sort());

/** What needs the endpoint (a directory's rename, an exchange) fails with it, before it has any effect. */
function unlessTrouble(error: unknown): string {
  if (error instanceof TransportError) return `failed: ${error.message}`;
  throw error;
}

async function checkShown(world: World): Promise<void> {
  // A read may come to share a request that failed in the background.
  const found = await shown(world.volume).catch((error: unknown) => {
    unlessTrouble(error);
    return shown(world.volume);
  });
  assert.deepEqual(sorted(found), sorted(world.model));
}

/** When there is no trouble any more. */
async function checkEnd(world: World): Promise<void> {
  const { volume, model } = world;
  await world.awaited(volume.fs.drain(AbortSignal.timeout(20_000)));
  await checkShown(world);
  await using other = new MemoryVolume({ store: world.store });
  assert.deepEqual(sorted(await shown(other)), sorted(model), "what another machine sees");
  assert.deepEqual(volume.fs.conflicts(), []);
  assert.deepEqual(volume.fs.problems(), []);
  for (let turns = 0; turns < 100 && volume.journal.entries().length > 0; turns++) {
    await turn();
    await (volume.clock as FakeClock).advance(1000);
  }
  assert.deepEqual(volume.journal.entries(), []);
  assert.deepEqual([...Deno.readDirSync(volume.stagingDirectory)], []);
}

async function run(random: SeededRandom): Promise<void> {
  const world = new World(random);
  try {
    for (let step = 0; step < STEPS; step++) {
      const done = await world.awaited(random.pick(steps)(world).catch(unlessTrouble));
      if (done !== undefined) world.history.push(done);
      if (random.next() < 0.4) {
        await world.pass();
        world.history.push("time passes");
      }
      if (random.next() < 0.2) await checkShown(world);
      if (random.next() < 0.05) {
        world.history.push(`kill: ${await world.state()}`);
        await world.kill();
        await checkShown(world);
      }
    }
    await checkEnd(world);
  } catch (error) {
    throw new Error(`After:\n${world.history.join("\n")}`, { cause: error });
  } finally {
    await world.volume[Symbol.asyncDispose]();
  }
}

Deno.test("S3FileSystem loses nothing that was acknowledged, whatever fails and whenever it is killed", async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await withSeed(run, given === undefined ? round + 1 : undefined);
  }
});
