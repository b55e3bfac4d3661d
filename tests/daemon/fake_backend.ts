/** A backend whose mounts do what the test says. */
import type { Config, DaemonConfig, MountConfig } from "../../src/config/types.ts";
import type { MountReport, SharedUsage } from "../../src/control/protocol.ts";
import { EMPTY_REPORT } from "../../src/daemon/report_totals.ts";
import type {
  MountBackend,
  MountEnd,
  RunningMount,
  Trouble,
} from "../../src/wiring/mount_backend.ts";

export class FakeMount implements RunningMount {
  readonly #ended = Promise.withResolvers<MountEnd>();
  readonly ended: Promise<MountEnd> = this.#ended.promise;
  currentTrouble: Trouble | undefined;
  pendingFiles = 0;
  /** Resolves to let drains finish. */
  drained: Promise<void> = Promise.resolve();
  busy = false;
  answering = true;
  /** GET requests sent. */
  gets = 0;
  unmounts: { force: boolean }[] = [];
  /** What it was told to go by while it ran. */
  configs: MountConfig[] = [];

  trouble(): Trouble | undefined {
    return this.currentTrouble;
  }

  answers(): boolean {
    return this.answering;
  }

  report(): MountReport {
    const report = fakeReport(this.pendingFiles);
    return { ...report, requests: { ...report.requests, get: this.gets } };
  }

  reconfigure(config: MountConfig): void {
    this.configs.push(config);
  }

  drain(signal: AbortSignal): Promise<void> {
    return orAbort(this.drained, signal);
  }

  unmount(options: { readonly force: boolean }): Promise<void> {
    if (this.busy && !options.force) {
      return Promise.reject(new Error("it is in use by less (pid 42)"));
    }
    this.unmounts.push({ ...options });
    this.#ended.resolve({ kind: "unmounted" });
    return Promise.resolve();
  }

  /** The folder goes away by itself. */
  end(end: MountEnd): void {
    this.#ended.resolve(end);
  }
}

export class FakeBackend implements MountBackend {
  readonly mounts = new Map<string, FakeMount>();
  /** Decides by the mount's name: an error refuses it, a promise delays it. */
  readonly starts = new Map<string, Error | Promise<void>>();
  /** On disk, by the mount's name. */
  readonly cached = new Map<string, number>();
  startCount = 0;
  closed = false;
  /** What it was told to go by. */
  configs: Config[] = [];
  /** Names in the order in which mounts were started. */
  readonly started: string[] = [];

  async start(config: MountConfig, signal: AbortSignal): Promise<RunningMount> {
    this.startCount++;
    this.started.push(config.name);
    const how = this.starts.get(config.name);
    if (how instanceof Error) throw how;
    if (how !== undefined) await orAbort(how, signal);
    const mount = new FakeMount();
    this.mounts.set(config.name, mount);
    return mount;
  }

  reconfigure(config: Config): Promise<void> {
    this.configs.push(config);
    return Promise.resolve();
  }

  usage(): SharedUsage {
    return {
      memory: { used_bytes: 1, limit_bytes: 2, rss_bytes: 3, heap_bytes: 2 },
      cache: { used_bytes: 1, limit_bytes: 2, hit_rate: null },
      connections: { in_use: 0, limit: 64 },
      problems: [],
    };
  }

  cachedBytes({ name }: MountConfig): number {
    return this.cached.get(name) ?? 0;
  }

  clearCache(mount?: MountConfig): Promise<number> {
    const names = mount === undefined ? [...this.cached.keys()] : [mount.name];
    const bytes = names.reduce((sum, name) => sum + (this.cached.get(name) ?? 0), 0);
    for (const name of names) this.cached.delete(name);
    return Promise.resolve(bytes);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

/** The config of a mount. */
export function fakeMountConfig(name: string, more: Partial<MountConfig> = {}): MountConfig {
  return {
    name,
    bucket: `${name}-bucket`,
    prefix: "",
    mountPoint: `/nowhere/${name}`,
    credentials: { kind: "anonymous" },
    readOnly: false,
    autoMount: true,
    enabled: true,
    durability: "journal",
    fsync: "journal",
    metadataTtlMs: 60_000,
    attributes: "fast",
    fileMode: 0o644,
    dirMode: 0o755,
    allowOther: false,
    requesterPays: false,
    ...more,
  };
}

/** The config of a daemon whose files are in `directory`, with these mounts. */
export function fakeConfig(
  mounts: readonly MountConfig[],
  directory = "/nowhere",
  daemon: Partial<DaemonConfig> = {},
): Config {
  return {
    path: `${directory}/cloudmount.toml`,
    daemon: {
      stateDir: directory,
      cacheDir: `${directory}/cache`,
      socket: `${directory}/control.sock`,
      memoryLimitBytes: 1,
      maxConnections: 1,
      logLevel: "info",
      ...daemon,
    },
    mounts,
  };
}

export function fakeReport(pendingFiles = 0): MountReport {
  return {
    ...EMPTY_REPORT,
    uploads: {
      ...EMPTY_REPORT.uploads,
      pending_files: pendingFiles,
      pending_bytes: pendingFiles * 10,
      oldest_seconds: pendingFiles === 0 ? null : 3,
      oldest_paths: Array.from({ length: Math.min(pendingFiles, 3) }, (_, n) => `file ${n}`),
    },
  };
}

/** `promise`, or the signal's reason. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });
}

/** A promise that never settles. */
export const NEVER: Promise<void> = new Promise(() => {});

/** A signal that never fires. */
export function calm(): AbortSignal {
  return new AbortController().signal;
}
