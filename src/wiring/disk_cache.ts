/** The cache on disk as the config wants it. */
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { DiskCacheUser } from "../cache/disk/disk_cache.ts";
import { type OpenDiskCache, openDiskCache } from "../cache/disk/open_disk_cache.ts";
import type { DaemonConfig, MountConfig } from "../config/types.ts";
import { diskSpace } from "../ffi/disk_space.ts";
import type { MakeRoom } from "../ffi/fd_file.ts";
import type { VolumeJournal } from "../journal/journal.ts";
import { volumeOf } from "./volume_name.ts";

const ROOM_BYTES_MIN = 64 * 2 ** 20;

/** Undefined when there is to be none, or there cannot be one, which is logged. */
export async function openConfiguredDiskCache(
  { cacheDir, cacheSizeBytes }: DaemonConfig,
): Promise<OpenDiskCache | undefined> {
  if (cacheSizeBytes === 0) return undefined;
  return await openDiskCache({
    directory: join(cacheDir, "blocks"),
    clock: systemClock,
    log: logger("cache"),
    ...(cacheSizeBytes === undefined ? {} : { limitBytes: cacheSizeBytes }),
  });
}

/**
 * Makes room on the disk of the state directory, if that is the cache's too: what is cached can be had
 * again, what was written cannot. Undefined when the cache can do nothing there.
 */
export function roomMaker(
  disk: OpenDiskCache | undefined,
  config: DaemonConfig,
): MakeRoom | undefined {
  if (disk === undefined || !isSameDisk(config.cacheDir, config.stateDir)) return undefined;
  // More than is asked for, so that not every write of a long file has to ask.
  return (bytes) => disk.cache.shrink(Math.max(bytes, ROOM_BYTES_MIN)) > 0;
}

/**
 * The journal, for which the cache gives way in time. Not afterwards: a commit that is repeated could
 * overtake a later one.
 */
export function withRoom(
  journal: VolumeJournal,
  directory: string,
  makeRoom: MakeRoom | undefined,
): VolumeJournal {
  if (makeRoom === undefined) return journal;
  return {
    load: () => journal.load(),
    commit: (ops, options) => {
      const { freeBytes, totalBytes } = diskSpace(directory);
      const missing = Math.min(ROOM_BYTES_MIN, totalBytes / 40) - freeBytes;
      if (missing > 0) makeRoom(missing);
      return journal.commit(ops, options);
    },
  };
}

function isSameDisk(one: string, other: string): boolean {
  return Deno.statSync(one).dev === Deno.statSync(other).dev;
}

/** A mount's part in it. */
export function diskCacheUser(mount: MountConfig): DiskCacheUser {
  return {
    bucket: volumeOf({ ...mount, prefix: "" }),
    prefix: mount.prefix,
    volume: volumeOf(mount),
    shareBytes: mount.cacheSizeBytes ?? Infinity,
  };
}
