/**
 * One mount and its state:
 *
 *   stopped -> starting -> mounted <-> degraded -> draining -> stopped
 *                 |            \_________ /            |
 *                 v                |                   v
 *               failed <-----------+              (timed out: as before)
 *
 * `degraded` is not stored: a mount that runs is degraded as long as it reports trouble. `failed` is left
 * by the next start. Start and stop of one mount never overlap: the later waits for the earlier.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { KeyedMutex } from "../base/keyed_mutex.ts";
import { logger } from "../base/log.ts";
import type { MountConfig } from "../config/types.ts";
import {
  type DrainOptions,
  type MountReport,
  type MountState,
  type MountStatus,
  type MountTrouble,
  type PendingMount,
  ProblemError,
  type UploadStatus,
} from "../control/protocol.ts";
import { isLiveChange } from "./config_changes.ts";
import { EMPTY_REPORT, withTotals } from "./report_totals.ts";
import { explain } from "../wiring/explain.ts";
import type { MountBackend, RunningMount, Trouble } from "../wiring/mount_backend.ts";

/** Bounds a start whatever the backend does; S3 that does not answer is noticed much earlier. */
const START_DEADLINE_MS = 40_000;
/** Unmounting, once drained: the helper program and the kernel's last requests. */
const UNMOUNT_DEADLINE_MS = 20_000;

const FLUSH_HINT = "Nothing is lost: it goes on in the background; more time: --timeout";
const STOP_HINT =
  "Give it more time with --timeout, or do not wait with --force: what is pending " +
  "stays in the journal and goes up at the next start";

type Phase =
  | { readonly kind: "stopped"; readonly report: MountReport }
  | { readonly kind: "starting"; readonly abort: AbortController }
  | { readonly kind: "running"; readonly mount: RunningMount }
  | { readonly kind: "draining"; readonly mount: RunningMount }
  | { readonly kind: "failed"; readonly error: Trouble; readonly report: MountReport };

/** Supervises one mount. Its state can be read at any time. */
export class MountedBucket {
  #config: MountConfig;
  #leavingSinceMs: number | undefined;
  /** Settings for the next start. */
  #next: MountConfig | undefined;
  /** Of the runs before this one. */
  #before = EMPTY_REPORT;
  readonly #backend: MountBackend;
  readonly #clock: Clock;
  readonly #log;
  readonly #turns = new KeyedMutex<"state">();
  #phase: Phase = { kind: "stopped", report: EMPTY_REPORT };

  constructor(config: MountConfig, backend: MountBackend, clock: Clock = systemClock) {
    this.#config = config;
    this.#backend = backend;
    this.#clock = clock;
    this.#log = logger("daemon", config.name);
  }

  /** In use now; after a `reconfigure` that needs a new start, the old ones until then. */
  get config(): MountConfig {
    return this.#config;
  }

  /** The config does not list it any more: it goes as soon as all is in S3. */
  get leaving(): boolean {
    return this.#leavingSinceMs !== undefined;
  }

  set leaving(leaving: boolean) {
    this.#leavingSinceMs = leaving ? this.#leavingSinceMs ?? this.#clock.nowMs() : undefined;
  }

  /** Settings wait for the next start. */
  get awaitsStart(): boolean {
    return this.#next !== undefined;
  }

  get state(): MountState {
    switch (this.#phase.kind) {
      case "running":
        if (this.leaving) return "draining";
        return this.#phase.mount.trouble() === undefined ? "mounted" : "degraded";
      default:
        return this.#phase.kind;
    }
  }

  /** At once. */
  status(): MountStatus {
    const { config } = this;
    return {
      id: config.name,
      name: config.name,
      bucket: config.bucket,
      prefix: config.prefix,
      endpoint: config.endpoint ?? null,
      mount_point: config.mountPoint,
      read_only: config.readOnly,
      enabled: config.enabled,
      auto_mount: config.autoMount,
      state: this.state,
      error: this.#error(),
      ...withTotals(this.#report(), this.#before),
      cache: { ...this.#report().cache, used_bytes: this.#backend.cachedBytes(config) },
    };
  }

  /** See `RunningMount.answers`; a folder that is not served keeps nobody waiting. */
  answers(): boolean {
    return !("mount" in this.#phase) || this.#phase.mount.answers();
  }

  /** What is not in S3 yet, or undefined when all is. */
  pending(): PendingMount | undefined {
    const { uploads } = this.#report();
    return uploads.pending_files === 0 ? undefined : pendingOf(this.config.name, uploads);
  }

  /** Goes by other settings: at once where that can be, else from the next start on. */
  reconfigure(next: MountConfig): void {
    if (this.#phase.kind === "running" || this.#phase.kind === "draining") {
      if (!isLiveChange(this.#config, next)) {
        this.#next = next;
        return;
      }
      this.#phase.mount.reconfigure(next);
    }
    this.#config = next;
    this.#next = undefined;
  }

  /** Mounts it if it is not. Throws why it failed, which `status()` then tells too. */
  async start(signal: AbortSignal): Promise<void> {
    if (!(this.#next ?? this.#config).enabled) {
      throw new ProblemError({
        title: "Mount is disabled",
        status: 409,
        detail: `Cannot mount "${this.config.name}": the config says enabled = false`,
      });
    }
    await this.#turns.run("state", async () => {
      if (this.#phase.kind === "running") return;
      if (this.#next !== undefined) this.reconfigure(this.#next);
      this.#before = withTotals(this.#report(), this.#before);
      const abort = new AbortController();
      this.#phase = { kind: "starting", abort };
      const deadline = AbortSignal.timeout(START_DEADLINE_MS);
      const config = this.#config;
      try {
        const mount = await this.#backend.start(
          config,
          AbortSignal.any([signal, abort.signal, deadline]),
        );
        this.#phase = { kind: "running", mount };
        if (this.#config !== config) mount.reconfigure(this.#config);
        this.#watch(mount);
      } catch (error) {
        if (abort.signal.aborted) {
          this.#phase = { kind: "stopped", report: EMPTY_REPORT };
          throw error;
        }
        this.#fail(
          deadline.aborted
            ? new Error(`not mounted after ${START_DEADLINE_MS / 1000} s`, { cause: error })
            : error,
          EMPTY_REPORT,
        );
        throw error;
      }
      this.#log.info("Mounted {bucket} at {mountPoint}", {
        bucket: this.config.bucket,
        mountPoint: this.config.mountPoint,
      });
    });
  }

  /** Is not mounted, and tells why. */
  async fail(why: string): Promise<void> {
    await this.#turns.run("state", async () => {
      const { name } = this.config;
      const hint = `The log says why: cloudmount logs; try again with: cloudmount mount ${name}`;
      const error = { message: why, hint, sinceMs: this.#clock.nowMs() };
      this.#phase = { kind: "failed", error, report: EMPTY_REPORT };
      await this.#backend.detach?.(this.config);
    });
  }

  /** Drains (but for `drain: false`) and unmounts; ends a start under way. Throws a 504 `ProblemError` when that takes too long, 409 when it is busy. */
  async stop(
    options: DrainOptions & { readonly drain?: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    if (this.#phase.kind === "starting") {
      this.#phase.abort.abort(new Error(`"${this.config.name}" was stopped while it started`));
    }
    await this.#turns.run("state", async () => {
      if (this.#phase.kind === "failed") {
        this.#phase = { kind: "stopped", report: this.#phase.report };
      }
      if (this.#phase.kind !== "running") return;
      const { mount } = this.#phase;
      this.#phase = { kind: "draining", mount };
      try {
        if (!options.force && options.drain !== false) {
          await this.#drain(mount, options.timeoutMs, signal, STOP_HINT);
        }
        await this.#unmount(mount, options.force, signal);
      } catch (error) {
        if (this.#isCurrent(mount)) this.#phase = { kind: "running", mount };
        throw error;
      }
      if (this.#isCurrent(mount)) this.#phase = { kind: "stopped", report: mount.report() };
      this.#log.info("Unmounted {mountPoint}", { mountPoint: this.config.mountPoint });
    });
  }

  /** Waits until all is in S3. Throws a 504 `ProblemError` when that takes too long. */
  async flush(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (this.#phase.kind !== "running" && this.#phase.kind !== "draining") {
      throw new ProblemError({
        title: "Not mounted",
        status: 409,
        detail: `Cannot flush "${this.config.name}": it is ${this.state}`,
        hint: `Mount it with: cloudmount mount ${this.config.name}`,
      });
    }
    await this.#drain(this.#phase.mount, timeoutMs, signal, FLUSH_HINT);
  }

  async #drain(
    mount: RunningMount,
    timeoutMs: number,
    signal: AbortSignal,
    hint: string,
  ): Promise<void> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      await mount.drain(AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      const { uploads } = mount.report();
      const why = deadline.aborted
        ? `it is not done after ${timeoutMs / 1000} s`
        : explain(error).message;
      throw new ProblemError({
        title: deadline.aborted ? "Timed out" : "Uploads failed",
        status: deadline.aborted ? 504 : 502,
        detail: `Cannot upload all of "${this.config.name}": ${why}`,
        hint,
        pending: [pendingOf(this.config.name, uploads)],
      }, { cause: error });
    }
  }

  async #unmount(mount: RunningMount, force: boolean, signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.timeout(UNMOUNT_DEADLINE_MS);
    try {
      await mount.unmount({ force }, AbortSignal.any([signal, deadline]));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new ProblemError({
        title: "Cannot unmount",
        status: deadline.aborted ? 504 : 409,
        detail: sentence(`Cannot unmount "${this.config.mountPoint}"`, error),
      }, { cause: error });
    }
  }

  /** Notices when the folder stops being served. */
  #watch(mount: RunningMount): void {
    void mount.ended.then(async (end) => {
      // An end during draining is the stop's own doing, or at least what it wanted.
      if (this.#phase.kind !== "running" || this.#phase.mount !== mount) return;
      const report = mount.report();
      if (end.kind === "unmounted") {
        this.#phase = { kind: "stopped", report };
        this.#log.warn("{mountPoint} was unmounted by another program", {
          mountPoint: this.config.mountPoint,
        });
      } else {
        this.#fail(end.error, report);
      }
      // Frees what the mount holds, and a dead folder does not stay behind.
      await mount.unmount({ force: true }, AbortSignal.timeout(UNMOUNT_DEADLINE_MS));
    }).catch((error: unknown) => {
      this.#log.error("Cannot clean up {mountPoint}: {error}", {
        mountPoint: this.config.mountPoint,
        error,
      });
    });
  }

  #isCurrent(mount: RunningMount): boolean {
    return "mount" in this.#phase && this.#phase.mount === mount;
  }

  #fail(error: unknown, report: MountReport): void {
    const failure = { ...explain(error), sinceMs: this.#clock.nowMs() };
    this.#phase = { kind: "failed", error: failure, report };
    this.#log.error("Cannot serve {mountPoint}: {reason}", {
      mountPoint: this.config.mountPoint,
      reason: failure.message,
    });
  }

  #error(): MountTrouble | null {
    if (this.#leavingSinceMs !== undefined) return this.#leavingTrouble(this.#leavingSinceMs);
    const trouble = this.#phase.kind === "failed"
      ? this.#phase.error
      : this.#phase.kind === "running"
      ? this.#phase.mount.trouble()
      : undefined;
    if (trouble === undefined) return null;
    const { message, hint, sinceMs } = trouble;
    return { message, hint, since: new Date(sinceMs).toISOString() };
  }

  #leavingTrouble(sinceMs: number): MountTrouble {
    const { name } = this.#config;
    return {
      message: "The config does not list it any more: it goes when all is in S3 and nobody uses it",
      hint: `To end it at once: cloudmount unmount ${name} --force`,
      since: new Date(sinceMs).toISOString(),
    };
  }

  #report(): MountReport {
    switch (this.#phase.kind) {
      case "starting":
        return EMPTY_REPORT;
      case "running":
      case "draining":
        return this.#phase.mount.report();
      default:
        return this.#phase.report;
    }
  }
}

function pendingOf(name: string, uploads: UploadStatus): PendingMount {
  const { pending_files, pending_bytes, oldest_seconds, oldest_paths, last_error } = uploads;
  return {
    name,
    files: pending_files,
    bytes: pending_bytes,
    oldest_seconds,
    oldest_paths,
    last_error,
  };
}

/** The error's own words when they tell the action, else behind the action. */
export function sentence(action: string, error: unknown): string {
  const { message } = explain(error);
  return message.startsWith("Cannot ") ? message : `${action}: ${message}`;
}
