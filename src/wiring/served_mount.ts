/** One bucket that is served as a folder: what the daemon sees of it. */
import type { Clock } from "../base/clock.ts";
import type { MountConfig } from "../config/types.ts";
import type { MountReport } from "../control/protocol.ts";
import type { FuseMount } from "../fuse/fuse_mount.ts";
import { findMount } from "../fuse/mount_table.ts";
import type { BucketStore } from "../s3/bucket_store.ts";
import type { S3FileSystem } from "../vfs/s3_file_system.ts";
import type { ContactMonitor } from "./contact_monitor.ts";
import type { MountEnd, RunningMount, Trouble } from "./mount_backend.ts";

/** Files that were closed while their folder was being unmounted get this long to be uploaded. */
const LAST_UPLOADS_MS = 10_000;

export interface ServedMountParts {
  readonly mount: FuseMount;
  readonly fileSystem: S3FileSystem;
  readonly store: BucketStore;
  readonly monitor: ContactMonitor;
  /** Its place among those who are told of sleep and of another network. */
  readonly connected: Disposable;
  readonly clock: Clock;
  readonly reconfigure: (config: MountConfig) => void;
}

export class ServedMount implements RunningMount {
  readonly ended: Promise<MountEnd>;
  readonly #parts: ServedMountParts;
  #freed: Promise<void> | undefined;

  constructor(parts: ServedMountParts) {
    this.#parts = parts;
    this.ended = parts.mount.closed.then(() => howItEnded(parts.mount.mountPoint));
  }

  trouble(): Trouble | undefined {
    const { monitor, fileSystem, clock } = this.#parts;
    if (monitor.trouble !== undefined) return monitor.trouble;
    const failed = fileSystem.uploads().failed.filter(({ passing }) => !passing);
    const [first] = failed;
    if (first === undefined) return undefined;
    return {
      message: `${failed.length} ${failed.length === 1 ? "file is" : "files are"} not in S3: ` +
        `"${first.path}": ${first.message}`,
      hint: "What was written is kept on this machine; try again with: cloudmount flush",
      sinceMs: Math.min(clock.nowMs(), ...failed.map(({ atMs }) => atMs)),
    };
  }

  /** S3 is in reach again. */
  retryUploads(): void {
    this.#parts.fileSystem.retryUploads();
  }

  answers(): boolean {
    return this.#parts.mount.answers();
  }

  report(): MountReport {
    const { store, fileSystem, clock } = this.#parts;
    const uploads = fileSystem.uploads();
    const {
      errors,
      retries,
      bytesDownloaded,
      bytesUploaded,
      lastContactMs,
      latencyMsP50,
      latencyMsP99,
      ...counts
    } = store.stats.snapshot();
    const cache = fileSystem.cacheUsage();
    const expireAtMs = store.credentialsExpireAtMs;
    return {
      uploads: {
        pending_files: uploads.pendingFiles,
        pending_bytes: uploads.pendingBytes,
        oldest_seconds: uploads.pendingFiles === 0 ? null : uploads.oldestSeconds,
        oldest_paths: uploads.paths,
        active: uploads.active,
        last_error: uploads.failed.at(-1)?.message ?? null,
      },
      conflicts: fileSystem.conflicts(),
      lost_and_found: fileSystem.problems(),
      requests: { ...counts, errors, retries },
      bytes: {
        downloaded: bytesDownloaded,
        uploaded: bytesUploaded,
        read: cache.readBytes,
      },
      cache: { used_bytes: cache.usedBytes, hit_rate: cache.hitRate },
      inodes: fileSystem.counts().inodes,
      hidden_keys: fileSystem.hiddenKeyCount,
      last_contact_seconds: lastContactMs === undefined
        ? null
        : Math.max(0, Math.round((clock.nowMs() - lastContactMs) / 1000)),
      latency_ms_p50: rounded(latencyMsP50),
      latency_ms_p99: rounded(latencyMsP99),
      credentials_expire_at: expireAtMs === undefined ? null : new Date(expireAtMs).toISOString(),
      warnings: store.warnings(),
    };
  }

  reconfigure(config: MountConfig): void {
    this.#parts.reconfigure(config);
  }

  drain(signal: AbortSignal): Promise<void> {
    return this.#parts.fileSystem.drain(signal);
  }

  async unmount({ force }: { readonly force: boolean }, signal: AbortSignal): Promise<void> {
    const { mount, fileSystem } = this.#parts;
    signal.throwIfAborted();
    await mount.unmount({ force });
    if (!force) {
      // What fails is logged, and stays in the journal.
      const limit = AbortSignal.any([signal, AbortSignal.timeout(LAST_UPLOADS_MS)]);
      await fileSystem.drain(limit).catch(() => {});
    }
    this.#freed ??= this.#free();
    await this.#freed;
  }

  async #free(): Promise<void> {
    const { fileSystem, monitor, connected, store } = this.#parts;
    connected[Symbol.dispose]();
    await fileSystem.close();
    await monitor.close();
    store.close();
  }
}

/** A folder that is no longer served but still mounted was not unmounted: its connection was cut. */
async function howItEnded(mountPoint: string): Promise<MountEnd> {
  const left = await findMount(mountPoint);
  if (left?.type.startsWith("fuse") !== true) return { kind: "unmounted" };
  return {
    kind: "broken",
    error: new Error(`The connection with the kernel for "${mountPoint}" was cut`),
  };
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 10) / 10;
}
