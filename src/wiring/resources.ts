/** What all mounts of a process share: connections, memory, journal, what is known of objects, upload lanes. */
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { Semaphore } from "../base/semaphore.ts";
import { AttributeDatabase } from "../cache/attribute_store.ts";
import { BlockCache } from "../cache/block_cache.ts";
import { lostAndFoundDirectory } from "../config/paths.ts";
import type { Config, DaemonConfig } from "../config/types.ts";
import type { SharedUsage } from "../control/protocol.ts";
import { returnFreedMemory } from "../ffi/allocator.ts";
import { Journal } from "../journal/journal.ts";
import { HttpPool } from "../net/http_pool.ts";
import type { UploadLanes } from "../vfs/volume.ts";
import { type LeftBehind, leftBehind } from "./left_behind.ts";

/** Files uploaded at a time, in all mounts together. */
const SMALL_UPLOADS_MAX = 16;
/** The parts of each go in parallel too. */
const LARGE_UPLOADS_MAX = 4;

/** The rest of memory_limit is for what the runtime holds of requests that are under way. */
const BUDGET_SHARE = 3 / 4;

export class Resources {
  readonly clock: Clock = systemClock;
  readonly pool: HttpPool;
  readonly budget: MemoryBudget;
  readonly blocks: BlockCache;
  readonly attributes: AttributeDatabase;
  readonly journal: Journal;
  readonly lanes: UploadLanes = {
    small: new Semaphore(SMALL_UPLOADS_MAX),
    large: new Semaphore(LARGE_UPLOADS_MAX),
  };
  readonly stateDir: string;
  readonly #memoryLimitBytes: number;
  #leftBehind: readonly LeftBehind[];

  /** Opens journal and metadata database in the state directory, which must be there and locked. */
  static async open({ daemon, mounts }: Config): Promise<Resources> {
    const journal = await Journal.open({
      directory: daemon.stateDir,
      lostAndFound: lostAndFoundDirectory(daemon.stateDir),
    });
    try {
      return new Resources(daemon, journal, leftBehind(await journal.count(), mounts));
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  private constructor(
    config: DaemonConfig,
    journal: Journal,
    left: readonly LeftBehind[],
  ) {
    this.journal = journal;
    this.#leftBehind = left;
    returnFreedMemory();
    this.stateDir = config.stateDir;
    this.#memoryLimitBytes = config.memoryLimitBytes;
    this.pool = new HttpPool({ maxConnections: config.maxConnections });
    this.budget = new MemoryBudget(config.memoryLimitBytes * BUDGET_SHARE);
    this.blocks = new BlockCache(this.budget);
    this.attributes = new AttributeDatabase(join(config.stateDir, "attributes.db"));
  }

  usage(): SharedUsage {
    const { usedBytes, hitRate } = this.blocks.usage();
    return {
      memory: {
        used_bytes: this.budget.usedBytes,
        limit_bytes: this.#memoryLimitBytes,
        rss_bytes: Deno.memoryUsage().rss,
      },
      cache: {
        used_bytes: usedBytes,
        limit_bytes: this.#memoryLimitBytes,
        hit_rate: hitRate,
      },
      connections: { in_use: this.pool.inUse, limit: this.pool.limit },
      problems: [...this.journal.problems, ...this.#leftBehind.map(({ line }) => line)],
    };
  }

  /** A volume is mounted: what waited for that is on its way, and the mount's to report. */
  noteMounted(volume: string): void {
    this.#leftBehind = this.#leftBehind.filter((left) => left.volume !== volume);
  }

  async close(): Promise<void> {
    await this.journal.close();
    this.pool.close();
    this.attributes.close();
  }
}
