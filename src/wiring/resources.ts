/** What all mounts of a process share: connections, memory, journal, what is known of objects, upload lanes. */
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { hostOs } from "../base/errno.ts";
import { logger } from "../base/log.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { Semaphore } from "../base/semaphore.ts";
import { AttributeDatabase } from "../listings/attribute_store.ts";
import { BlockCache } from "../cache/block_cache.ts";
import { ListingDatabase } from "../listings/listing_database.ts";
import type { OpenDiskCache } from "../cache/disk/open_disk_cache.ts";
import { lostAndFoundDirectory } from "../config/paths.ts";
import type { Config, DaemonConfig } from "../config/types.ts";
import { FileReaders } from "../content/file_readers.ts";
import { OpenLocalFiles } from "../content/local_file.ts";
import type { SharedUsage } from "../control/protocol.ts";
import { returnFreedMemory, trimHeaps } from "../ffi/allocator.ts";
import type { MakeRoom } from "../ffi/fd_file.ts";
import { Journal } from "../journal/journal.ts";
import type { Keychain } from "../keychain/keychain.ts";
import { openKeychain } from "../keychain/open_keychain.ts";
import { HttpPool } from "../net/http_pool.ts";
import type { ReadEnv } from "../s3/credentials.ts";
import { hashOnThread } from "../s3/payload_hash.ts";
import type { UploadLanes } from "../vfs/volume.ts";
import { openConfiguredDiskCache, roomMaker } from "./disk_cache.ts";
import { type LeftBehind, leftBehind } from "./left_behind.ts";
import { volumeOf } from "./volume_name.ts";

/** Files uploaded at a time, in all mounts together. */
const SMALL_UPLOADS_MAX = 32;
/** The parts of each go in parallel too. */
const LARGE_UPLOADS_MAX = 4;
/** Parts of files that are still being written: 8 MiB of memory each while they are sent. */
const EAGER_PARTS_MAX = 12;

/** What a burst of work has freed is given back within this time. */
const TRIM_MS = 30_000;

/** The rest of memory_limit is for what the runtime holds of requests that are under way. */
const BUDGET_SHARE = 3 / 4;

export class Resources {
  readonly clock: Clock = systemClock;
  readonly pool: HttpPool;
  readonly keychain: Keychain;
  readonly budget: MemoryBudget;
  readonly blocks: BlockCache;
  /** Undefined: there is none. */
  readonly disk: OpenDiskCache | undefined;
  /** Asked when the disk of the state directory is full. */
  readonly makeRoom: MakeRoom | undefined;
  /** The staged files that have descriptors. */
  readonly openFiles: OpenLocalFiles = new OpenLocalFiles();
  readonly readers: FileReaders;
  readonly attributes: AttributeDatabase;
  readonly listings: ListingDatabase;
  readonly journal: Journal;
  readonly lanes: UploadLanes = {
    small: new Semaphore(SMALL_UPLOADS_MAX),
    large: new Semaphore(LARGE_UPLOADS_MAX),
    eagerParts: new Semaphore(EAGER_PARTS_MAX),
  };
  readonly stateDir: string;
  #memoryLimitBytes: number;
  readonly #hashing = hashOnThread();
  readonly #closing = new AbortController();
  readonly #trimming: Promise<void>;
  #leftBehind: readonly LeftBehind[];
  /** Volumes that are, or were, mounted: what waits for them is theirs to report. */
  readonly #mounted = new Set<string>();

  /** Opens journal and metadata database in the state directory, which must be there and locked. */
  static async open({ daemon, mounts }: Config, readEnv: ReadEnv): Promise<Resources> {
    const journal = await Journal.open({
      directory: daemon.stateDir,
      lostAndFound: lostAndFoundDirectory(daemon.stateDir),
    });
    let disk: OpenDiskCache | undefined;
    try {
      const left = leftBehind(await journal.count(), mounts);
      disk = await openConfiguredDiskCache(daemon);
      return new Resources(daemon, journal, left, disk, readEnv);
    } catch (error) {
      await disk?.close();
      await journal.close();
      throw error;
    }
  }

  private constructor(
    config: DaemonConfig,
    journal: Journal,
    left: readonly LeftBehind[],
    disk: OpenDiskCache | undefined,
    readEnv: ReadEnv,
  ) {
    this.journal = journal;
    this.#leftBehind = left;
    returnFreedMemory();
    this.stateDir = config.stateDir;
    this.#memoryLimitBytes = config.memoryLimitBytes;
    this.pool = openPool(config, readEnv);
    this.keychain = openKeychain(config.stateDir, hostOs());
    this.budget = new MemoryBudget(config.memoryLimitBytes * BUDGET_SHARE);
    this.disk = disk;
    this.makeRoom = roomMaker(disk, config);
    this.blocks = new BlockCache(this.budget, disk?.cache);
    this.readers = new FileReaders(this.blocks, this.clock);
    this.attributes = new AttributeDatabase(join(config.stateDir, "attributes.db"));
    this.listings = new ListingDatabase(join(config.stateDir, "listings.db"), logger("cache"));
    this.#trimming = this.#keepTrimmed();
  }

  usage(): SharedUsage {
    const memory = Deno.memoryUsage();
    return {
      memory: {
        used_bytes: this.budget.usedBytes,
        limit_bytes: this.#memoryLimitBytes,
        rss_bytes: memory.rss,
        heap_bytes: memory.heapUsed,
      },
      cache: {
        used_bytes: this.disk?.cache.usedBytes() ?? 0,
        limit_bytes: this.disk?.cache.limitBytes() ?? 0,
        hit_rate: this.blocks.usage().hitRate,
      },
      connections: { in_use: this.pool.inUse, limit: this.pool.limit },
      problems: [...this.journal.problems, ...this.#leftBehind.map(({ line }) => line)],
    };
  }

  /** Goes by the budgets and limits of another config. What of it needs a restart is not looked at. */
  async reconfigure({ daemon, mounts }: Config): Promise<void> {
    this.#memoryLimitBytes = daemon.memoryLimitBytes;
    this.budget.setLimit(daemon.memoryLimitBytes * BUDGET_SHARE);
    this.pool.setLimits(daemon);
    this.disk?.setLimit(daemon.cacheSizeBytes);
    const left = leftBehind(await this.journal.count(), mounts);
    const configured = new Set(mounts.map(volumeOf));
    this.#leftBehind = left.filter(({ volume }) =>
      !this.#mounted.has(volume) || !configured.has(volume)
    );
  }

  /** A volume is mounted: what waited for that is on its way, and the mount's to report. */
  noteMounted(volume: string): void {
    this.#mounted.add(volume);
    this.#leftBehind = this.#leftBehind.filter((left) => left.volume !== volume);
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the daemon ends"));
    await this.#trimming;
    await this.journal.close();
    await this.disk?.close();
    this.pool.close();
    this.#hashing[Symbol.dispose]();
    this.attributes.close();
    this.listings.close();
  }

  /** Never rejects. */
  async #keepTrimmed(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.clock.sleep(TRIM_MS, signal).catch(() => {});
      if (!signal.aborted) await trimHeaps();
    }
  }
}

/** The connections of a process with this config. */
export function openPool(
  { maxConnections, uploadLimit, downloadLimit }: DaemonConfig,
  readEnv: ReadEnv,
): HttpPool {
  return new HttpPool({
    maxConnections,
    ...(uploadLimit === undefined ? {} : { uploadLimit }),
    ...(downloadLimit === undefined ? {} : { downloadLimit }),
    isProxied: namesProxy(readEnv),
  });
}

/** Whether the environment tells to go through a proxy, for some hosts at least. */
function namesProxy(readEnv: ReadEnv): boolean {
  return ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    .some((name) => (readEnv(name) ?? readEnv(name.toLowerCase()) ?? "") !== "");
}
