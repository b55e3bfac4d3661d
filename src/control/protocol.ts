/**
 * What the daemon and its clients say to each other: the documents of the control API, as JSON. The
 * names are a public contract (see README): they may be added to, never changed.
 */

/** Where a mount stands. `degraded`: the folder is there, but S3 or an upload is in trouble. */
export type MountState =
  | "stopped"
  | "starting"
  | "mounted"
  | "degraded"
  | "draining"
  | "failed";

/** Why a mount is degraded or failed. */
export interface MountTrouble {
  readonly message: string;
  /** What the user can do about it; "" when nothing is known. */
  readonly hint: string;
  /** RFC 3339, UTC. */
  readonly since: string;
}

/** What changed here and is not in S3 yet: files written, copied, renamed or removed. */
export interface UploadStatus {
  readonly pending_files: number;
  readonly pending_bytes: number;
  /** Age of the oldest pending file; null when there is none. */
  readonly oldest_seconds: number | null;
  /** The oldest few of the pending files: paths within the mount. */
  readonly oldest_paths: readonly string[];
  /** Uploads that run right now. */
  readonly active: number;
  /** Why the last attempt failed, as long as what failed is pending. */
  readonly last_error: string | null;
}

/** A file of which both sides were kept, because S3 had changed meanwhile. Paths are within the mount. */
export interface ConflictStatus {
  /** Has what S3 had. */
  readonly path: string;
  /** Has what was written here; null when that was a removal, or attributes only. */
  readonly copy: string | null;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** Requests sent to S3 since the daemon started. */
export interface RequestCounts {
  readonly get: number;
  readonly put: number;
  readonly list: number;
  readonly head: number;
  readonly copy: number;
  readonly delete: number;
  readonly other: number;
  /** Requests that failed in the end. */
  readonly errors: number;
  /** Requests sent again after a failure. */
  readonly retries: number;
}

/** What changes while a mount runs. */
export interface MountReport {
  readonly uploads: UploadStatus;
  readonly conflicts: readonly ConflictStatus[];
  /** What could not be used any more and was set aside in the state directory: a line each, what and where. */
  readonly lost_and_found: readonly string[];
  readonly requests: RequestCounts;
  /** Of bodies. `read`: what programs have read; what was downloaded for it may be more or (cached) less. */
  readonly bytes: {
    readonly downloaded: number;
    readonly uploaded: number;
    readonly read: number;
  };
  /** On disk. `hit_rate`: of the bytes read, the share that no request was needed for; null before the first read. */
  readonly cache: { readonly used_bytes: number; readonly hit_rate: number | null };
  /** Files and directories that are in memory, because the kernel knows them or something is to be done. */
  readonly inodes: number;
  /** Objects that no file name can stand for, in the directories read so far: they are not shown. */
  readonly hidden_keys: number;
  /** Since S3 last answered; null when it never did. */
  readonly last_contact_seconds: number | null;
  readonly latency_ms_p50: number | null;
  readonly latency_ms_p99: number | null;
  /** RFC 3339; null when they do not expire or that is not known. */
  readonly credentials_expire_at: string | null;
  /** What is going to be trouble if nobody does anything: a line each. */
  readonly warnings: readonly string[];
}

/** One mount. */
export interface MountStatus extends MountReport {
  /** For the paths of the control API. */
  readonly id: string;
  readonly name: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Base URL; null stands for AWS. */
  readonly endpoint: string | null;
  readonly mount_point: string;
  readonly read_only: boolean;
  readonly enabled: boolean;
  readonly auto_mount: boolean;
  readonly state: MountState;
  readonly error: MountTrouble | null;
}

/** One thing that is wrong with a config file, or with the settings that a mount was to get. */
export interface FieldProblem {
  /** The key; "" when it is about the whole. */
  readonly field: string;
  readonly message: string;
  readonly hint?: string;
  /** Where in the config file, counted from 1, if it is there already. */
  readonly line?: number;
  readonly column?: number;
}

/** Answer to `POST /api/v0/reload`: what became of the mounts, by name. */
export interface ReloadDocument {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** Keys whose new values take effect with the next start of the daemon, for example "daemon.socket". */
  readonly restart_needed: readonly string[];
  /** Mounts that go on as before, or do not start, and why. */
  readonly not_applied: readonly { readonly name: string; readonly message: string }[];
}

/** What all mounts share. */
export interface SharedUsage {
  readonly memory: {
    readonly used_bytes: number;
    readonly limit_bytes: number;
    readonly rss_bytes: number;
    /** Of it, what the program's own objects take: names, attributes, state. */
    readonly heap_bytes: number;
  };
  /** On disk; `hit_rate` as that of a mount. */
  readonly cache: {
    readonly used_bytes: number;
    readonly limit_bytes: number;
    readonly hit_rate: number | null;
  };
  readonly connections: { readonly in_use: number; readonly limit: number };
  /** As `lost_and_found`, for what belongs to no single mount: the journal itself. */
  readonly problems: readonly string[];
}

/** `GET /api/v0/status` and `cloudmount status --json`. */
export interface StatusDocument extends SharedUsage {
  readonly version: string;
  readonly pid: number;
  readonly uptime_seconds: number;
  /** No mount is starting, degraded or failed. */
  readonly healthy: boolean;
  readonly config_path: string;
  /** Why the config file as it is now is not in use; null when it is. */
  readonly config_error: MountTrouble | null;
  readonly mounts: readonly MountStatus[];
}

/** `GET /api/v0/health`; status 503 when not healthy. */
export interface HealthDocument {
  readonly healthy: boolean;
  readonly version: string;
  readonly uptime_seconds: number;
}

/** What one mount still has to upload; the fields are those of `UploadStatus`. */
export interface PendingMount {
  readonly name: string;
  readonly files: number;
  readonly bytes: number;
  readonly oldest_seconds: number | null;
  readonly oldest_paths: readonly string[];
  readonly last_error: string | null;
}

/** Answer to a shutdown that is under way: every mount is gone, the process ends next. */
export interface ShutdownDocument {
  readonly stopped: boolean;
  /** With `force`: what stays in the journal for the next start. */
  readonly pending: readonly PendingMount[];
}

/** Answer to `POST /api/v0/cache/clear`. */
export interface ClearedCacheDocument {
  /** On disk. */
  readonly freed_bytes: number;
}

/** An error, as `application/problem+json` (RFC 9457). */
export interface Problem {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly hint?: string;
  /** With 504: what was not done in time. */
  readonly pending?: readonly PendingMount[];
  /** With 409 and 422: what is wrong, key by key. */
  readonly errors?: readonly FieldProblem[];
}

/** A failure that is answered as a `Problem`. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly problem: Problem;

  constructor(problem: Omit<Problem, "type">, options?: ErrorOptions) {
    super(problem.detail, options);
    this.problem = { type: "about:blank", ...problem };
  }
}

/** How long an operation that drains may take, and whether to drain at all. */
export interface DrainOptions {
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Do not wait for uploads, and detach even a busy folder. What is pending stays in the journal. */
  readonly force: boolean;
}

/** Settings as JSON: the keys of a [[mount]] in the config file; null takes one away. */
export type MountSettings = Readonly<Record<string, unknown>>;

/**
 * The part of the control API that changes settings. Edits are written to the config file and applied.
 * All throw `ProblemError`: 409 when a name or mount point is taken or the file has errors already, 422
 * with `errors` for settings that are wrong.
 */
export interface SettingsService {
  /** Reads the config file again; only what has changed is touched. A file with errors changes nothing: 422. */
  reload(signal: AbortSignal): Promise<ReloadDocument>;
  /** Resolves when the mount is there, has failed, or is not to be mounted by itself. */
  addMount(settings: MountSettings, signal: AbortSignal): Promise<MountStatus>;
  /** 404 for an unknown id. */
  changeMount(id: string, settings: MountSettings, signal: AbortSignal): Promise<MountStatus>;
  /** Drains and unmounts first; 504 when that took too long: nothing has changed then. */
  removeMount(id: string, options: DrainOptions, signal: AbortSignal): Promise<MountStatus>;
}

/** What the control API controls; the daemon's supervisor implements it. All may throw `ProblemError`. */
export interface ControlService {
  /** At once, whatever S3 and the mounts do. */
  health(): HealthDocument;
  /** At once, whatever S3 and the mounts do. */
  status(): StatusDocument;
  /** 404 for an unknown id. */
  mount(id: string): MountStatus;
  /** Resolves when the folder is there; nothing to do when it already is. */
  startMount(id: string, signal: AbortSignal): Promise<MountStatus>;
  /** Drains, then unmounts; 504 when that took too long: the mount is then as before. */
  stopMount(id: string, options: DrainOptions, signal: AbortSignal): Promise<MountStatus>;
  /** Waits until all files are in S3; 504 when that took too long. */
  flushMount(id: string, timeoutMs: number, signal: AbortSignal): Promise<MountStatus>;
  /** Drops what is cached on disk, of one mount or of all; 404 for an unknown id. */
  clearCache(id: string | undefined): Promise<ClearedCacheDocument>;
  /** Stops all mounts, then ends the process; 504 when something is pending: all goes on then. */
  shutdown(options: DrainOptions, signal: AbortSignal): Promise<ShutdownDocument>;
  /** Ends the process for another one to go on with all mounts; 409 when there would be none. */
  restart(): void;
}
