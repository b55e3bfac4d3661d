/** Whether the machine has what the config counts on: room on disks, open files. */
import { dirname } from "node:path";
import { formatSize } from "../../base/units.ts";
import type { DaemonConfig } from "../../config/types.ts";
import type { DiskSpace } from "../../ffi/disk_space.ts";
import { type Finding, Findings } from "./finding.ts";

/** Below this a large file that is saved may not fit. */
const STATE_BYTES_LOW = 2 ** 30;
const STATE_BYTES_MIN = 64 * 2 ** 20;
/** One for each connection and open file, and then some. */
const OPEN_FILES_MIN = 4096;

export interface Limits {
  /** Of the file system that holds a path that exists. */
  readonly diskSpace: (path: string) => DiskSpace;
  /** What the cache has on disk; undefined when no daemon tells. */
  readonly cacheUsedBytes: number | undefined;
  /** Text of /proc/PID/limits of the daemon, or of this process. */
  readonly limits: string;
}

export async function checkLimits(
  daemon: DaemonConfig,
  { diskSpace, cacheUsedBytes, limits }: Limits,
): Promise<readonly Finding[]> {
  const findings = new Findings();
  const state = diskSpace(await existing(daemon.stateDir)).freeBytes;
  const message = `${formatSize(state)} free for what is not in S3 yet (${daemon.stateDir})`;
  const why = "When that disk is full, saving fails with ENOSPC";
  const fix = "Make room there, or set state_dir to a place on another disk";
  if (state < STATE_BYTES_MIN) findings.error("disk.state", message, why, fix);
  else if (state < STATE_BYTES_LOW) findings.warning("disk.state", message, why, fix);
  else findings.ok("disk.state", message);
  const budget = daemon.cacheSizeBytes;
  if (budget !== undefined && budget > 0) {
    const { totalBytes, freeBytes } = diskSpace(await existing(daemon.cacheDir));
    // Without a daemon it is not known how much of the disk is the cache's already.
    const roomBytes = cacheUsedBytes === undefined ? totalBytes : cacheUsedBytes + freeBytes;
    const text = `the cache may take ${formatSize(budget)}; its disk has ${
      formatSize(roomBytes)
    } for it at most`;
    if (budget <= roomBytes) findings.ok("disk.cache", text);
    else {
      findings.warning(
        "disk.cache",
        text,
        "Less is cached than the config says, and the disk is always nearly full",
        "Lower cache_size, make room, or set cache_dir to another disk",
      );
    }
  }
  checkOpenFiles(limits, findings);
  return findings.list;
}

function checkOpenFiles(limits: string, findings: Findings): void {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  if (soft === undefined) return;
  const message = `${soft} files may be open at a time`;
  if (Number(soft) >= OPEN_FILES_MIN) return findings.ok("files", message);
  findings.warning(
    "files",
    message,
    "Many programs at once would get EMFILE",
    "cloudmount install-agent (which sets 65536), or before cloudmount start: ulimit -n 65536",
  );
}

/** The path, or the nearest folder above it that is there. */
async function existing(path: string): Promise<string> {
  for (let at = path;; at = dirname(at)) {
    if (at === "/" || await Deno.stat(at).then(() => true, () => false)) return at;
  }
}
