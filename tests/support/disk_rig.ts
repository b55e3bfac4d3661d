/** A block cache with a disk behind it, over stores in memory, that can be restarted. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { nextTurn, systemClock } from "../../src/base/clock.ts";
import { logger } from "../../src/base/log.ts";
import { MemoryBudget } from "../../src/base/memory_budget.ts";
import { BLOCK_SIZE, blockCount } from "../../src/cache/block.ts";
import { BlockCache } from "../../src/cache/block_cache.ts";
import type { DiskCache } from "../../src/cache/disk/disk_cache.ts";
import { nextSourceId, type ObjectSource } from "../../src/cache/object_source.ts";
import { type OpenDiskCache, openDiskCache } from "../../src/cache/disk/open_disk_cache.ts";
import type { MemoryStore } from "../../src/s3/stores/memory.ts";

const never = new AbortController().signal;

export interface DiskRigOptions {
  readonly directory: string;
  readonly limitBytes?: number;
  readonly memoryBytes?: number;
}

export class DiskRig {
  readonly directory: string;
  readonly blocks: BlockCache;
  readonly budget: MemoryBudget;
  /** Undefined when the directory cannot be used. */
  readonly open: OpenDiskCache | undefined;

  private constructor(directory: string, budget: MemoryBudget, open: OpenDiskCache | undefined) {
    this.directory = directory;
    this.budget = budget;
    this.open = open;
    this.blocks = new BlockCache(budget, open?.cache);
  }

  static async start(options: DiskRigOptions): Promise<DiskRig> {
    const { directory, limitBytes = 64 * 2 ** 20, memoryBytes = 64 * 2 ** 20 } = options;
    const log = logger("test");
    const open = await openDiskCache({ directory, limitBytes, clock: systemClock, log });
    await open?.ready;
    return new DiskRig(directory, new MemoryBudget(memoryBytes), open);
  }

  get disk(): DiskCache {
    return this.open!.cache;
  }

  /** A store that uses the disk. */
  add(store: MemoryStore, bucket = "bucket", shareBytes = Infinity): MemoryStore {
    this.open?.cache.addUser(store, { bucket, prefix: "", volume: bucket, shareBytes });
    return store;
  }

  /** Resolves when these blocks are on disk. */
  async saved(source: ObjectSource, indices = allBlocks(source)): Promise<void> {
    for (let turn = 0; !indices.every((index) => this.blocks.hasOnDisk(source, index)); turn++) {
      assert.ok(turn < 10_000, `Blocks of ${source.key} never came to the disk`);
      await nextTurn();
    }
  }

  /** Puts an object and reads it as one; resolves with its source when it is on disk. */
  async keep(
    store: MemoryStore,
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<ObjectSource> {
    const source = await putSource(store, key, bytes);
    await this.blocks.read(source, 0, blockCount(source.size), never);
    await this.saved(source);
    return source;
  }

  /** Reads a whole object and checks it. */
  async check(source: ObjectSource, expected: Uint8Array): Promise<void> {
    for (const index of allBlocks(source)) {
      const block = await this.blocks.read(source, index, Infinity, never);
      const start = index * BLOCK_SIZE;
      assert.ok(
        sameBytes(block, expected.subarray(start, start + block.byteLength)),
        `block ${index} of ${source.key}`,
      );
    }
  }

  /** A part of a block on disk, by way of the kernel's cache, which somebody may empty at any time. */
  async readFromDisk(
    source: ObjectSource,
    offset: number,
    end: number,
  ): Promise<Uint8Array | undefined> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const read = this.blocks.readFromDisk(source, offset, end);
      if (read !== undefined) return read;
      await this.blocks.warm(source, offset, end);
    }
    return undefined;
  }

  /** Resolves also when what is still being read ahead has come. */
  async close(): Promise<void> {
    await this.open?.close();
    for (let turn = 0; turn < 20; turn++) await nextTurn();
  }
}

/** Puts an object and returns it as a source, of an inode of its own. */
export async function putSource(
  store: MemoryStore,
  key: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ObjectSource> {
  const { etag } = await store.put(key, bytes, {}, never);
  return sourceOf(store, key, etag, bytes.byteLength);
}

/** The same content as another process sees it. */
export function sourceOf(
  store: MemoryStore,
  key: string,
  etag: string,
  size: number,
): ObjectSource {
  return { store, id: nextSourceId(), key, etag, size };
}

export function allBlocks({ size }: ObjectSource): number[] {
  return Array.from({ length: blockCount(size) }, (_, index) => index);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** What the files of the cache take on disk, without its index. */
export async function allocatedBytes(directory: string): Promise<number> {
  let bytes = 0;
  for await (const folder of Deno.readDir(directory)) {
    if (!folder.isDirectory) continue;
    for await (const file of Deno.readDir(`${directory}/${folder.name}`)) {
      bytes += 512 * ((await Deno.stat(`${directory}/${folder.name}/${file.name}`)).blocks ?? 0);
    }
  }
  return bytes;
}
