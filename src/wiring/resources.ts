/** What all mounts of a process share: connections, memory, what is known of objects, upload slots. */
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { Semaphore } from "../base/semaphore.ts";
import { AttributeDatabase } from "../cache/attribute_store.ts";
import { BlockCache } from "../cache/block_cache.ts";
import type { DaemonConfig } from "../config/types.ts";
import type { SharedUsage } from "../control/protocol.ts";
import { returnFreedMemory } from "../ffi/allocator.ts";
import { HttpPool } from "../net/http_pool.ts";

/** Files uploaded at a time; the parts of each go in parallel too, as far as connections allow. */
const UPLOADS_AT_ONCE = 16;

/** The rest of memory_limit is for what the runtime holds of requests that are under way. */
const BUDGET_SHARE = 3 / 4;

export class Resources {
  readonly clock: Clock = systemClock;
  readonly pool: HttpPool;
  readonly budget: MemoryBudget;
  readonly blocks: BlockCache;
  readonly attributes: AttributeDatabase;
  readonly uploadSlots: Semaphore = new Semaphore(UPLOADS_AT_ONCE);
  readonly stateDir: string;
  readonly #memoryLimitBytes: number;

  /** Opens the metadata database in the state directory, which must be there and locked. */
  constructor(config: DaemonConfig) {
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
    };
  }

  close(): void {
    this.pool.close();
    this.attributes.close();
  }
}
