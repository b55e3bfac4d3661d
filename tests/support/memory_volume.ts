/** An S3FileSystem over a store in memory: the file system without a kernel and without a network. */
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { logger } from "../../src/base/log.ts";
import { MemoryBudget } from "../../src/base/memory_budget.ts";
import { Semaphore } from "../../src/base/semaphore.ts";
import { AttributeLoader } from "../../src/cache/attribute_loader.ts";
import { AttributeDatabase } from "../../src/cache/attribute_store.ts";
import { BlockCache } from "../../src/cache/block_cache.ts";
import { DirectoryListings } from "../../src/cache/directory_listings.ts";
import { StagingArea } from "../../src/content/staging_area.ts";
import { Uploader } from "../../src/content/uploader.ts";
import { MemoryStore } from "../../src/s3/stores/memory.ts";
import type { Dirent, Entry, HandleId, InodeNumber, OpContext } from "../../src/vfs/file_system.ts";
import { ROOT_INODE } from "../../src/vfs/file_system.ts";
import { O_TRUNC } from "../../src/vfs/open_flags.ts";
import { S3FileSystem } from "../../src/vfs/s3_file_system.ts";

export const context: OpContext = {
  uid: 1000,
  gid: 1000,
  pid: 1,
  signal: new AbortController().signal,
};

const O_RDWR = 2;

export interface MemoryVolumeOptions {
  readonly store?: MemoryStore;
  readonly attributes?: "fast" | "full";
  readonly database?: AttributeDatabase;
  readonly readOnly?: boolean;
  readonly clock?: Clock;
  readonly ttlMs?: number;
}

export class MemoryVolume implements AsyncDisposable {
  readonly store: MemoryStore;
  readonly fs: S3FileSystem;
  readonly stagingDirectory: string;
  readonly #database: AttributeDatabase;
  readonly #ownsDatabase: boolean;

  constructor(options: MemoryVolumeOptions = {}) {
    const store = options.store ?? new MemoryStore();
    const clock = options.clock ?? systemClock;
    this.store = store;
    this.stagingDirectory = Deno.makeTempDirSync();
    this.#ownsDatabase = options.database === undefined;
    this.#database = options.database ?? new AttributeDatabase(":memory:");
    const mode = options.attributes ?? "fast";
    const attributes = new AttributeLoader(store, this.#database.of("bucket"), mode);
    const budget = new MemoryBudget(64 * 2 ** 20);
    const log = logger("test");
    const ttlMs = options.ttlMs ?? 60_000;
    this.fs = new S3FileSystem({
      store,
      listings: new DirectoryListings({ store, clock, log, ttlMs, attributes }),
      attributes,
      blocks: new BlockCache(budget),
      staging: new StagingArea(this.stagingDirectory),
      uploader: new Uploader(store, budget, new Semaphore(4)),
      clock,
      log,
      readOnly: options.readOnly ?? false,
      fileMode: 0o644,
      dirMode: 0o755,
      uid: 1000,
      gid: 1000,
      operationTimeoutMs: 30_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.fs.checkInvariants();
    await this.fs.close();
    if (this.#ownsDatabase) this.#database.close();
    await Deno.remove(this.stagingDirectory, { recursive: true });
  }

  /** Puts an object there as another client would. */
  async putObject(key: string, text = ""): Promise<void> {
    await this.store.put(key, new TextEncoder().encode(text), {}, context.signal);
  }

  /** The text of an object, or undefined. */
  async object(key: string): Promise<string | undefined> {
    try {
      const body = await this.store.get(key, {}, context.signal);
      const target = new Uint8Array(body.info.size);
      return new TextDecoder().decode(await body.read(target));
    } catch {
      return undefined;
    }
  }

  /** All keys in order. */
  async keys(): Promise<string[]> {
    const page = await this.store.list({ prefix: "" }, context.signal);
    return page.objects.map((object) => object.key);
  }

  /** Looks a path up from the root, as the kernel does. */
  async entry(path: string): Promise<Entry> {
    let ino: InodeNumber = ROOT_INODE;
    let entry: Entry = { ino, generation: 0, entryTtlMs: 0, attrTtlMs: 0 };
    for (const name of path.split("/").filter((part) => part !== "")) {
      entry = await this.fs.lookup(ino, name, context);
      if (entry.ino === 0) return entry;
      ino = entry.ino;
    }
    return entry;
  }

  /** The inode number of a path that exists. */
  async ino(path: string): Promise<InodeNumber> {
    const { ino } = await this.entry(path);
    if (ino === 0) throw new Error(`There is no "${path}"`);
    return ino;
  }

  /** Opens a path for reading and writing. */
  async open(path: string, flags = O_RDWR): Promise<{ ino: InodeNumber; fh: HandleId }> {
    const ino = await this.ino(path);
    return { ino, fh: this.fs.open(ino, flags, context).fh };
  }

  async close(file: { ino: InodeNumber; fh: HandleId }): Promise<void> {
    try {
      await this.fs.flush(file.ino, file.fh, context);
    } finally {
      await this.fs.release(file.ino, file.fh, context);
    }
  }

  /** open(O_CREAT | O_TRUNC), write, close. */
  async write(path: string, text: string): Promise<void> {
    const slash = path.lastIndexOf("/") + 1;
    const parent = slash === 0 ? ROOT_INODE : await this.ino(path.slice(0, slash));
    const name = path.slice(slash);
    const created = await this.fs.create(parent, name, 0o644, O_RDWR | O_TRUNC, context);
    const file = { ino: created.entry.ino as InodeNumber, fh: created.open.fh };
    this.fs.write(file.ino, file.fh, 0, new TextEncoder().encode(text), context);
    await this.close(file);
  }

  async read(path: string): Promise<string> {
    const file = await this.open(path, 0);
    try {
      return await this.readOpen(file);
    } finally {
      await this.close(file);
    }
  }

  async readOpen(file: { ino: InodeNumber; fh: HandleId }): Promise<string> {
    const views = await this.fs.read(file.ino, file.fh, 0, 2 ** 20, context);
    return new TextDecoder().decode(
      await new Blob(views.map((view) => new Uint8Array(view))).arrayBuffer(),
    );
  }

  /** The names in a directory, sorted, without "." and "..". */
  async list(path: string): Promise<string[]> {
    return (await this.dirents(path)).map((dirent) => dirent.name).sort();
  }

  async dirents(path: string): Promise<Dirent[]> {
    const ino = path === "" ? ROOT_INODE : await this.ino(path);
    const { fh } = this.fs.opendir(ino, 0, context);
    const found: Dirent[] = [];
    await this.fs.readdir(ino, fh, 0, (dirent) => found.push(dirent) > 0, context);
    this.fs.releasedir(ino, fh, context);
    return found.filter(({ name }) => name !== "." && name !== "..");
  }
}
