/** An S3FileSystem over a store in memory: the file system without a kernel and without a network. */
import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { logger } from "../../src/base/log.ts";
import { MemoryBudget } from "../../src/base/memory_budget.ts";
import { Semaphore } from "../../src/base/semaphore.ts";
import { AttributeLoader } from "../../src/listings/attribute_loader.ts";
import { AttributeDatabase } from "../../src/listings/attribute_store.ts";
import { BlockCache } from "../../src/cache/block_cache.ts";
import type { BlockDisk } from "../../src/cache/block_disk.ts";
import { DirectoryListings } from "../../src/listings/directory_listings.ts";
import { KeptListings } from "../../src/listings/kept_listings.ts";
import { ListingDatabase } from "../../src/listings/listing_database.ts";
import { OutdatedListings } from "../../src/listings/outdated_listings.ts";
import { FileReaders } from "../../src/content/file_readers.ts";
import { StagingArea } from "../../src/content/staging_area.ts";
import { Uploader } from "../../src/content/uploader.ts";
import type { ObjectStore } from "../../src/s3/object_store.ts";
import { MemoryStore, type StoreMethod } from "../../src/s3/stores/memory.ts";
import type { Dirent, Entry, HandleId, InodeNumber, OpContext } from "../../src/vfs/file_system.ts";
import { ROOT_INODE } from "../../src/vfs/file_system.ts";
import { O_TRUNC } from "../../src/vfs/open_flags.ts";
import { S3FileSystem } from "../../src/vfs/s3_file_system.ts";
import type { Durability } from "../../src/vfs/volume.ts";
import { LogFile } from "../../src/vfs/handover/log_file.ts";
import { SavedState } from "../../src/vfs/handover/saved_state.ts";
import { StateLog } from "../../src/vfs/handover/state_log.ts";
import { FakeClock } from "./fake_clock.ts";
import { MemoryJournal } from "./memory_journal.ts";

export const context: OpContext = {
  uid: 1000,
  gid: 1000,
  pid: 1,
  signal: new AbortController().signal,
};

const O_RDWR = 2;

export interface MemoryVolumeOptions {
  readonly store?: MemoryStore;
  /** What the file system sees instead of `store`. */
  readonly sees?: ObjectStore;
  readonly operationTimeoutMs?: number;
  readonly attributes?: "fast" | "full";
  readonly database?: AttributeDatabase;
  readonly readOnly?: boolean;
  readonly clock?: Clock;
  readonly ttlMs?: number;
  /** Default: "remote", so that the store has everything when an operation returns. */
  readonly durability?: Durability;
  /** Default: as `durability`. */
  readonly fsync?: Durability;
  /** Of an earlier volume, to be recovered from with `recover`. */
  readonly journal?: MemoryJournal;
  readonly stagingDirectory?: string;
  readonly journalIsTrusted?: boolean;
  /** A file for listings that are kept over restarts; default: none are. */
  readonly listingsPath?: string;
  /** What the blocks have behind them; default: nothing. */
  readonly disk?: BlockDisk;
  /** Its state is noted, so that `handOver` can go on with it. */
  readonly isHandedOver?: boolean;
}

/** An open file. */
export interface OpenFile {
  readonly ino: InodeNumber;
  readonly fh: HandleId;
}

export class MemoryVolume implements AsyncDisposable {
  readonly store: MemoryStore;
  readonly clock: Clock;
  readonly fs: S3FileSystem;
  readonly journal: MemoryJournal;
  readonly stagingDirectory: string;
  readonly lostAndFound: string;
  readonly #options: MemoryVolumeOptions;
  readonly #database: AttributeDatabase;
  readonly #ownsDatabase: boolean;
  readonly #listings: ListingDatabase | undefined;
  readonly #logFile: LogFile | undefined;
  readonly #stateLog: StateLog | undefined;

  constructor(options: MemoryVolumeOptions = {}) {
    this.#options = options;
    const clock = options.clock ?? systemClock;
    const store = options.store ?? new MemoryStore({ nowMs: () => clock.nowMs() });
    const seen = options.sees ?? store;
    this.store = store;
    this.clock = clock;
    this.journal = options.journal ?? new MemoryJournal();
    this.stagingDirectory = options.stagingDirectory ?? Deno.makeTempDirSync();
    this.lostAndFound = Deno.makeTempDirSync();
    this.#ownsDatabase = options.database === undefined;
    this.#database = options.database ?? new AttributeDatabase(":memory:");
    const mode = options.attributes ?? "fast";
    const attributes = new AttributeLoader(seen, this.#database.of("bucket"), mode);
    const budget = new MemoryBudget(64 * 2 ** 20);
    const log = logger("test");
    const ttlMs = options.ttlMs ?? 60_000;
    const blocks = new BlockCache(budget, options.disk);
    const outdated = new OutdatedListings();
    this.#listings = options.listingsPath === undefined
      ? undefined
      : new ListingDatabase(options.listingsPath, log);
    const rows = this.#listings?.of("bucket");
    const kept = rows && new KeptListings({ rows, outdated, journal: this.journal, clock });
    const listings = { store: seen, clock, log, ttlMs, attributes };
    const staging = new StagingArea(this.stagingDirectory);
    this.#logFile = options.isHandedOver === true ? LogFile.create() : undefined;
    this.#stateLog = this.#logFile === undefined ? undefined : new StateLog({
      file: this.#logFile,
      staging,
      log,
      onBroken: () => assert.fail("the hand-over log broke"),
    });
    this.fs = new S3FileSystem({
      store: seen,
      listings: new DirectoryListings(kept === undefined ? listings : { ...listings, kept }),
      attributes,
      blocks,
      readers: new FileReaders(blocks, clock),
      staging,
      stateLog: this.#stateLog,
      uploader: new Uploader(seen, budget),
      journal: outdated.within(this.journal),
      journalIsTrusted: options.journalIsTrusted ?? true,
      lanes: {
        small: new Semaphore(4),
        large: new Semaphore(2),
        eagerParts: new Semaphore(4),
      },
      lostAndFound: this.lostAndFound,
      host: "laptop",
      durability: options.durability ?? "remote",
      fsync: options.fsync ?? options.durability ?? "remote",
      clock,
      log,
      prefix: "",
      readOnly: options.readOnly ?? false,
      fileMode: 0o644,
      dirMode: 0o755,
      uid: 1000,
      gid: 1000,
      operationTimeoutMs: options.operationTimeoutMs ?? 30_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.fs.checkInvariants();
    await this.fs.close();
    this.#stateLog?.close();
    if (this.#ownsDatabase) this.#database.close();
    this.#listings?.close();
    await Deno.remove(this.stagingDirectory, { recursive: true });
    await Deno.remove(this.lostAndFound, { recursive: true });
  }

  /**
   * The next start on this machine after a kill at this moment: another volume over the same store, with
   * the journal and the staging files as they are now. Recovered unless `change` says otherwise: it gets
   * the volume before that. This one must not be used any more, but has to be disposed of. The next one
   * has the kept listings of `listingsPath`, or none.
   */
  async restart(
    change?: (next: MemoryVolume) => Promise<void> | void,
    listingsPath?: string,
  ): Promise<MemoryVolume> {
    // All in one turn: nothing goes on meanwhile.
    const stagingDirectory = copyOfDirectory(this.stagingDirectory);
    const journal = new MemoryJournal(this.journal.entries());
    const { database: _, listingsPath: __, ...options } = this.#options;
    const listings = listingsPath === undefined ? {} : { listingsPath };
    const { store } = this;
    // So that moving the next one's clock does not wake this one.
    const clock = this.clock instanceof FakeClock ? new FakeClock(this.clock.nowMs()) : this.clock;
    const next = new MemoryVolume({
      ...options,
      ...listings,
      clock,
      store,
      journal,
      stagingDirectory,
    });
    await change?.(next);
    await next.fs.recover();
    return next;
  }

  /** What is in the hand-over log now. */
  loggedBytes(): Uint8Array<ArrayBuffer> {
    return this.#logFile!.read();
  }

  /**
   * As `restart`, but the mount is still there and the next process goes on with it. What was answered
   * was noted before. Time stands still meanwhile.
   */
  async handOver(options: Partial<MemoryVolumeOptions> = {}): Promise<MemoryVolume> {
    this.fs.beforeReply();
    const bytes = this.loggedBytes();
    const stagingDirectory = copyOfDirectory(this.stagingDirectory);
    const journal = new MemoryJournal(this.journal.entries());
    const { database: _, listingsPath: __, ...own } = this.#options;
    const { store, clock } = this;
    const next = new MemoryVolume({
      ...own,
      clock: clock instanceof FakeClock ? new FakeClock(clock.nowMs()) : clock,
      store,
      journal,
      stagingDirectory,
      ...options,
    });
    await next.fs.recover(SavedState.of(bytes));
    return next;
  }

  /** The calls of the store that `work` costs, those of no count left out. */
  async calls(work: () => unknown): Promise<Partial<Record<StoreMethod, number>>> {
    const before = { ...this.store.counts };
    await work();
    const methods = Object.keys(before) as StoreMethod[];
    return Object.fromEntries(
      methods.map((method) => [method, this.store.counts[method] - before[method]] as const)
        .filter(([, count]) => count > 0),
    );
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
  async open(path: string, flags = O_RDWR): Promise<OpenFile> {
    const ino = await this.ino(path);
    return { ino, fh: (await this.fs.open(ino, flags, context)).fh };
  }

  async close(file: OpenFile): Promise<void> {
    try {
      await this.fs.flush(file.ino, file.fh, context);
    } finally {
      this.fs.release(file.ino, file.fh, context);
    }
  }

  /** open(O_CREAT | O_TRUNC) */
  async create(path: string): Promise<OpenFile> {
    const [parent, name] = await this.#place(path);
    const { entry, open } = await this.fs.create(parent, name, 0o644, O_RDWR | O_TRUNC, context);
    return { ino: entry.ino as InodeNumber, fh: open.fh };
  }

  writeOpen(file: OpenFile, text: string, offset = 0): void {
    this.fs.write(file.ino, file.fh, offset, new TextEncoder().encode(text), context);
  }

  /** open(O_CREAT | O_TRUNC), write, close. */
  async write(path: string, text: string): Promise<void> {
    const file = await this.create(path);
    this.writeOpen(file, text);
    await this.close(file);
  }

  /** rename(2), after the lookups that the kernel makes; so are the next ones. */
  async rename(from: string, to: string, flags = 0): Promise<void> {
    for (const path of [from, to]) await this.entry(path);
    const [parent, name] = await this.#place(from);
    const [newParent, newName] = await this.#place(to);
    await this.fs.rename(parent, name, newParent, newName, flags, context);
  }

  async unlink(path: string): Promise<void> {
    await this.entry(path);
    const [parent, name] = await this.#place(path);
    await this.fs.unlink(parent, name, context);
  }

  async mkdir(path: string): Promise<void> {
    const [parent, name] = await this.#place(path);
    await this.fs.mkdir(parent, name, 0o755, context);
  }

  async read(path: string): Promise<string> {
    const file = await this.open(path, 0);
    try {
      return await this.readOpen(file);
    } finally {
      await this.close(file);
    }
  }

  async readOpen(file: OpenFile): Promise<string> {
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
    for (let from = -1; found.length !== from;) {
      from = found.length;
      const position = found.at(-1)?.cookie ?? 0;
      await this.fs.readdir(ino, fh, position, (dirent) => found.push(dirent) > 0, context);
    }
    this.fs.releasedir(ino, fh, context);
    return found.filter(({ name }) => name !== "." && name !== "..");
  }

  /** The directory of a path and the name in it. */
  async #place(path: string): Promise<readonly [InodeNumber, string]> {
    const slash = path.lastIndexOf("/") + 1;
    const parent = slash === 0 ? ROOT_INODE : await this.ino(path.slice(0, slash));
    return [parent, path.slice(slash)];
  }
}

/** Copies what a kill at this moment leaves of an SQLite file. */
export function copyDatabase(from: string, to: string): void {
  Deno.copyFileSync(from, to);
  try {
    Deno.copyFileSync(`${from}-wal`, `${to}-wal`);
  } catch (error) {
    // There is none before the first write.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Moves the clock of a volume that has a `FakeClock`. */
export async function advance(volume: MemoryVolume, ms: number): Promise<void> {
  assert.ok(volume.clock instanceof FakeClock);
  await volume.clock.advance(ms);
}

/** Resolves when `condition` holds; work in other threads goes on meanwhile. Throws after 10 seconds. */
export async function until(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`Waited in vain until ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

function copyOfDirectory(directory: string): string {
  const copy = Deno.makeTempDirSync();
  for (const { name } of Deno.readDirSync(directory)) {
    Deno.copyFileSync(`${directory}/${name}`, `${copy}/${name}`);
  }
  return copy;
}
