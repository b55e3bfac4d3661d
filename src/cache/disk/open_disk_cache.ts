/**
 * The disk cache's directory: who may use it, and in what state it is.
 *
 *   DIRECTORY/lock      held by the process that uses the directory
 *   DIRECTORY/clean     there after an orderly end: the index is as the files are
 *   DIRECTORY/index.db  see disk_index
 *   DIRECTORY/ab/abcd.. see disk_files
 */
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { ifThereSync } from "../../base/if_there.ts";
import type { Logger } from "../../base/log.ts";
import { diskSpace } from "../../ffi/disk_space.ts";
import { type FileLock, tryLockFile } from "../../ffi/file_lock.ts";
import { DiskCache } from "./disk_cache.ts";
import { DiskFiles } from "./files.ts";
import { DiskIndex } from "./index.ts";
import { sweep } from "./sweep.ts";

export interface DiskCacheOptions {
  /** Made if it is not there; nobody else's files should be in it. */
  readonly directory: string;
  /** Default: 20 GiB, or half of the free disk if that is less. */
  readonly limitBytes?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A cache in use. */
export interface OpenDiskCache {
  readonly cache: DiskCache;
  /** Another limit from now on; undefined: the default. */
  setLimit(bytes: number | undefined): void;
  /** Resolves when what an earlier run has left is in order, and blocks are being written. */
  readonly ready: Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

const DEFAULT_LIMIT_BYTES = 20 * 2 ** 30;
const DEFAULT_SHARE = 1 / 2;
const INDEX = "index.db";

/** Undefined when the directory cannot be used, which is logged. */
export async function openDiskCache(options: DiskCacheOptions): Promise<OpenDiskCache | undefined> {
  const { directory, log } = options;
  let lock: FileLock | undefined;
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    await Deno.chmod(directory, 0o700);
    lock = tryLockFile(join(directory, "lock"));
    if (lock === undefined) throw new Error("another process uses it; give each its cache_dir");
    return open(options, lock);
  } catch (error) {
    log.warn("Cannot cache on disk in {directory}: {error}", { directory, error });
    lock?.release();
    return undefined;
  }
}

function open({ directory, limitBytes, clock, log }: DiskCacheOptions, lock: FileLock) {
  const clean = removed(join(directory, "clean")) && exists(join(directory, INDEX));
  const index = openIndex(directory, !clean, log);
  const files = new DiskFiles(directory);
  let cache: DiskCache;
  try {
    cache = new DiskCache({
      index,
      files,
      limitBytes: limitBytes ?? defaultLimit(directory, index),
      clock,
      log,
    });
  } catch (error) {
    index.close();
    throw error;
  }
  const closing = new AbortController();
  let tidied = clean;
  const ready = (async () => {
    tidied ||= await tidy(files, index, closing.signal, log);
    cache.startWrites();
  })();
  return {
    cache,
    setLimit: (bytes: number | undefined) =>
      cache.setLimit(bytes ?? defaultLimit(directory, index)),
    ready,
    close: async () => {
      closing.abort();
      await ready;
      try {
        const index = await cache.close();
        if (index === "broken") removeIndex(directory);
        else if (index === "whole" && tidied) {
          await Deno.writeFile(join(directory, "clean"), new Uint8Array());
        }
      } catch (error) {
        log.warn("Cannot close the disk cache in order: {error}", { error });
      }
      lock.release();
    },
  };
}

/** Never rejects. False when it was not done. */
async function tidy(files: DiskFiles, index: DiskIndex, signal: AbortSignal, log: Logger) {
  try {
    await sweep(files, index, signal);
    return !signal.aborted;
  } catch (error) {
    log.warn("Cannot tidy the disk cache up: {error}", { error });
    return false;
  }
}

/** An index that cannot be used is replaced by an empty one: its files are then strangers. */
function openIndex(directory: string, check: boolean, log: Logger): DiskIndex {
  const path = join(directory, INDEX);
  try {
    return new DiskIndex(path, { check });
  } catch (error) {
    log.warn("The disk cache begins anew: {error}", { error });
    removeIndex(directory);
    return new DiskIndex(path, { check: false });
  }
}

function removeIndex(directory: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    removed(join(directory, INDEX + suffix));
  }
}

function defaultLimit(directory: string, index: DiskIndex): number {
  const used = [...index.bytesByVolume().values()].reduce((sum, bytes) => sum + bytes, 0);
  const free = diskSpace(directory).freeBytes + used;
  return Math.min(DEFAULT_LIMIT_BYTES, Math.floor(free * DEFAULT_SHARE));
}

function exists(path: string): boolean {
  return ifThereSync(() => Deno.statSync(path))?.isFile ?? false;
}

/** Whether the file was there; it is not any more. */
function removed(path: string): boolean {
  const isDone = ifThereSync(() => {
    Deno.removeSync(path);
    return true;
  });
  return isDone ?? false;
}
