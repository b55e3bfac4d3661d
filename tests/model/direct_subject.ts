/** The model's operations on an `S3FileSystem` over a bucket in memory: no kernel, no network, no waiting. */
import { FakeClock } from "../support/fake_clock.ts";
import { MemoryJournal } from "../support/memory_journal.ts";
import { context, copyDatabase, MemoryVolume } from "../support/memory_volume.ts";
import { AttributeDatabase } from "../../src/listings/attribute_store.ts";
import { errnoOf } from "../../src/vfs/errno_map.ts";
import type { FileSystem, InodeNumber } from "../../src/vfs/file_system.ts";
import { checkBucket } from "./check_bucket.ts";
import { checkTree } from "./check_tree.ts";
import { DirectKernel } from "./direct_kernel.ts";
import { applyTo } from "./direct_operations.ts";
import { contentOf, type Operation, type Outcome, type Value } from "./operation.ts";
import { SlowStore } from "./slow_store.ts";
import type { ReferenceTree } from "./reference_tree.ts";
import { copyOf, isConflictCopy, type Subject } from "./subject.ts";

const TTL_MS = 60_000;
/** Longer than any delay and backoff. */
const DRAIN_STEP_MS = 500;
const DRAIN_MAX_MS = 15 * 60_000;

export class DirectSubject implements Subject {
  readonly #clock = new FakeClock(1_000_000_000_000);
  readonly #store: SlowStore;
  readonly #database = new AttributeDatabase(":memory:");
  readonly #listings = Deno.makeTempDirSync();
  /** How many of them there were: each start has its own, with what the one before has left. */
  #listingsFiles = 0;
  /** Another client has changed something since the last start: listings of before show that late. */
  #isShared = false;
  #volume: MemoryVolume;
  #kernel: DirectKernel;

  /** `seed`: of the time that the bucket's answers take. */
  constructor(seed = 0) {
    this.#store = new SlowStore(seed, { nowMs: () => this.#clock.nowMs() });
    this.#volume = this.#open(new MemoryJournal());
    this.#kernel = new DirectKernel(this.#volume.fs, context);
  }

  async apply(operation: Operation): Promise<Outcome> {
    try {
      return { value: await this.#apply(operation) };
    } catch (error) {
      const errno = errnoOf(error);
      // No program should ever see it here: something is broken.
      if (errno === "EIO") throw error;
      return { error: errno, message: String(error) };
    }
  }

  async verify(tree: ReferenceTree): Promise<void> {
    await this.#drain();
    this.#volume.fs.checkInvariants();
    await checkBucket(tree, {
      list: async () => new Map((await this.#keys()).map(({ key, size }) => [key, size])),
      get: async (key) => {
        const body = await this.#store.get(key, {}, context.signal);
        return await body.read(new Uint8Array(body.info.size));
      },
      metadata: async (key) => (await this.#store.head(key, context.signal)).metadata ?? {},
    });
    await using other = new MemoryVolume({
      store: this.#store,
      clock: this.#clock,
      attributes: "full",
    });
    const kernel = new DirectKernel(other.fs, context);
    await checkTree(
      tree,
      (operation) => outcomeOf(() => applyTo(other.fs, kernel, operation)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kernel.closeAll().catch(() => {});
    await this.#volume[Symbol.asyncDispose]();
    this.#database.close();
    await Deno.remove(this.#listings, { recursive: true });
  }

  get #listingsPath(): string {
    return `${this.#listings}/${this.#listingsFiles}.db`;
  }

  /** What is on disk now is for the next start. */
  #passListings(): void {
    const before = this.#listingsPath;
    this.#listingsFiles++;
    if (this.#isShared) return;
    copyDatabase(before, this.#listingsPath);
  }

  get #fs(): FileSystem {
    return this.#volume.fs;
  }

  #open(journal: MemoryJournal, stagingDirectory?: string): MemoryVolume {
    return new MemoryVolume({
      store: this.#store,
      clock: this.#clock,
      ttlMs: TTL_MS,
      database: this.#database,
      durability: "journal",
      journal,
      listingsPath: this.#listingsPath,
      isHandedOver: true,
      ...(stagingDirectory === undefined ? {} : { stagingDirectory }),
    });
  }

  async #apply(operation: Operation): Promise<Value> {
    switch (operation.op) {
      case "remotePut":
        await this.#drain();
        this.#isShared = true;
        await this.#store.put(operation.path, contentOf(operation), {}, context.signal);
        await this.#clock.advance(TTL_MS + 1);
        return null;
      case "remoteDelete":
        await this.#drain();
        this.#isShared = true;
        await this.#store.delete(operation.path, context.signal);
        await this.#clock.advance(TTL_MS + 1);
        return null;
      case "race":
        return await this.#race(operation);
      case "forget":
        this.#kernel.forget();
        return null;
      case "pass":
        await this.#clock.advance(operation.ms);
        return null;
      case "restart":
        if (operation.how === "handOver") await this.#handOver();
        else await this.#restart(operation.how);
        return null;
      default:
        return await applyTo(this.#fs, this.#kernel, operation);
    }
  }

  /** Killed, and the next process goes on: files stay open, inodes known. */
  async #handOver(): Promise<void> {
    const old = this.#volume;
    const { hook } = this.#store;
    const dead = () => {
      throw new Error("The process is dead");
    };
    this.#passListings();
    const handedOver = old.handOver({
      clock: this.#clock,
      database: this.#database,
      listingsPath: this.#listingsPath,
    });
    old.journal.beforeCommit = dead;
    old.fs.giveUp();
    this.#volume = await handedOver;
    this.#store.hook = dead;
    await old.fs.close();
    await Deno.remove(old.lostAndFound, { recursive: true });
    await Deno.remove(old.stagingDirectory, { recursive: true });
    this.#store.hook = hook;
    this.#kernel.attach(awakened(this.#volume.fs));
  }

  /** Killed, nothing that the old one does on its way out has an effect any more. */
  async #restart(how: "stop" | "kill"): Promise<void> {
    await this.#kernel.closeAll();
    const old = this.#volume;
    const entries = old.journal.entries();
    const { hook } = this.#store;
    if (how === "stop") {
      this.#kernel.forget();
    } else {
      const dead = () => {
        throw new Error("The process is dead");
      };
      old.journal.beforeCommit = dead;
      this.#store.hook = dead;
      this.#passListings();
    }
    await old.fs.close();
    if (how === "stop") this.#passListings();
    this.#isShared = false;
    await Deno.remove(old.lostAndFound, { recursive: true });
    this.#store.hook = hook;
    const journal = how === "stop" ? old.journal : new MemoryJournal(entries);
    this.#volume = this.#open(journal, old.stagingDirectory);
    await this.#volume.fs.recover();
    this.#kernel = new DirectKernel(this.#volume.fs, context);
  }

  async #race({ path, remote, local }: Extract<Operation, { op: "race" }>): Promise<Value> {
    await this.#drain();
    await this.#clock.advance(TTL_MS + 1);
    const name = path.slice(path.lastIndexOf("/") + 1);
    const folder = path.slice(0, Math.max(0, path.length - name.length - 1));
    const before = new Set(await this.#names(folder));
    this.#isShared = true;
    if (remote === "delete") await this.#store.delete(path, context.signal);
    else await this.#store.put(path, contentOf(remote), {}, context.signal);
    if (local === "unlink") {
      await this.apply({ op: "unlink", path });
    } else {
      const slot = -1;
      await this.#kernel.open(slot, path, { access: "w", create: true, trunc: true });
      await this.#kernel.write(slot, 0, contentOf(local));
      await this.#kernel.close(slot);
    }
    await this.#drain();
    await this.#clock.advance(TTL_MS + 1);
    const after = await this.#names(folder);
    const copies = after.filter((found) => !before.has(found) && isConflictCopy(found, name));
    for (const copy of copies) {
      const old = path.slice(0, -name.length) + copy;
      await applyTo(this.#fs, this.#kernel, {
        op: "rename",
        path: old,
        to: copyOf(path),
        flags: 0,
      });
    }
    return { copies: copies.length, late: false };
  }

  async #names(folder: string): Promise<string[]> {
    const listed = await applyTo(this.#fs, this.#kernel, { op: "list", path: folder });
    return (listed as string[]).map((line) => line.slice(0, line.lastIndexOf(" ")));
  }

  /** Time goes on while it waits: what is due later becomes due. */
  async #drain(): Promise<void> {
    const late = new AbortController();
    const endMs = this.#clock.nowMs() + DRAIN_MAX_MS;
    let isDone = false;
    const drained = this.#volume.fs.drain(late.signal);
    // It may fail before it is awaited.
    const end = () => {
      isDone = true;
    };
    drained.then(end, end);
    while (!isDone) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      if (!isDone) await this.#clock.advance(DRAIN_STEP_MS);
      if (this.#clock.nowMs() > endMs) {
        late.abort(new Error(`Not in S3: ${JSON.stringify(this.#volume.fs.uploads())}`));
      }
    }
    await drained;
  }

  async #keys(): Promise<{ readonly key: string; readonly size: number }[]> {
    const found: { readonly key: string; readonly size: number }[] = [];
    let token: string | undefined;
    do {
      const page = await this.#store.list(
        { prefix: "", ...(token === undefined ? {} : { token }) },
        context.signal,
      );
      found.push(...page.objects);
      token = page.nextToken;
    } while (token !== undefined);
    return found;
  }
}

/** As the session calls it. */
function awakened(fs: FileSystem): FileSystem {
  return new Proxy(fs, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || name === "forget") return bound(value, target);
      return async (ino: InodeNumber, ...rest: unknown[]) => {
        await target.awaken?.(ino, context);
        return await Reflect.apply(value, target, [ino, ...rest]);
      };
    },
  });
}

function bound(value: unknown, target: FileSystem): unknown {
  return typeof value === "function" ? value.bind(target) : value;
}

async function outcomeOf(work: () => Promise<Value>): Promise<Outcome> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: errnoOf(error) };
  }
}
