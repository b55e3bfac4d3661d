/** What stands between the daemon and the rooms below: it turns a mount's config into a served folder. */
import type { Config, MountConfig } from "../config/types.ts";
import type { MountReport, SharedUsage } from "../control/protocol.ts";

/** Why a mount that runs is degraded. */
export interface Trouble {
  readonly message: string;
  /** "" when nothing is known that would help. */
  readonly hint: string;
  /** Milliseconds since the epoch. */
  readonly sinceMs: number;
}

/** Why a folder stopped being served. */
export type MountEnd =
  /** Unmounted, by us or by somebody else. */
  | { readonly kind: "unmounted" }
  /** The connection with the kernel broke. */
  | { readonly kind: "broken"; readonly error: Error };

/** One folder that is served. */
export interface RunningMount {
  /** Resolves once when the folder is no longer served; never rejects. */
  readonly ended: Promise<MountEnd>;
  /** What is wrong with it now, if anything. At once. */
  trouble(): Trouble | undefined;
  /** False when programs have been waiting for long and nothing of theirs moves on. Cheap; ask every few seconds. */
  answers(): boolean;
  /** Numbers for the status document. At once. */
  report(): MountReport;
  /** Goes by those settings of the config that can change while it runs (`isLiveChange`). */
  reconfigure(config: MountConfig): void;
  /** Resolves when everything written is in S3; rejects when an upload cannot succeed, or with the signal's reason. */
  drain(signal: AbortSignal): Promise<void>;
  /**
   * Ends it and frees everything it holds. Without `force` a folder in use is an error and goes on being
   * served; with it the folder is detached whatever happens. Safe to call after `ended`.
   */
  unmount(options: { readonly force: boolean }, signal: AbortSignal): Promise<void>;
}

/** All mounts of a process share one backend: its pool and its memory. */
export interface MountBackend {
  /**
   * Serves the mount's folder. Resolves when it is there, also when S3 does not answer (`trouble()` tells
   * then); rejects when it cannot be, or when S3 definitely refuses it.
   */
  start(mount: MountConfig, signal: AbortSignal): Promise<RunningMount>;
  /** Goes by the budgets and limits of another config; what cannot change while it runs stays. */
  reconfigure(config: Config): Promise<void>;
  /** True when mounts outlive this process: the next one goes on with them. Default: false. */
  readonly outlivesProcess?: boolean;
  /** Whether an earlier process has left the mount, to be gone on with by `start`. */
  isLeft?(mount: MountConfig): boolean;
  /** Removes what a dead process has left mounted at the mount's folder. Never rejects. */
  detach?(mount: MountConfig): Promise<void>;
  /** At once. */
  usage(): SharedUsage;
  /** What the mount has on disk, running or not. */
  cachedBytes(mount: MountConfig): number;
  /** Drops what one mount, or (without) everybody, has on disk; resolves with the bytes freed. */
  clearCache(mount?: MountConfig): Promise<number>;
  /** After the last mount is gone. */
  close(): Promise<void>;
}
