/**
 * Owns all mounts of a daemon. A mount that fails or hangs never holds up another one, the start of the
 * daemon, or an answer about its status.
 */
import { untilAborted } from "../base/until_aborted.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/message_of.ts";
import type { Config } from "../config/types.ts";
import {
  type ClearedCacheDocument,
  type ControlService,
  type DrainOptions,
  type HealthDocument,
  type MountStatus,
  type MountTrouble,
  type PendingMount,
  ProblemError,
  type ShutdownDocument,
  type StatusDocument,
} from "../control/protocol.ts";
import type { MountBackend } from "../wiring/mount_backend.ts";
import { type Applied, MountRoster } from "./mount_roster.ts";
import { type MountedBucket, sentence } from "./mounted_bucket.ts";

const log = logger("daemon");

/** What stopping takes beyond the draining. */
const STOP_MS = 5_000;
/** An answer to a local client is sent by then. */
const ANSWER_MS = 50;

/** The daemon's heart; the control API calls it. */
export class Supervisor implements ControlService {
  readonly #configPath: string;
  readonly #version: string;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #backend: MountBackend;
  readonly #roster: MountRoster;
  /** Why the config file is not in use, if it is not. */
  configError: MountTrouble | null = null;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #restarting = Promise.withResolvers<void>();
  /** Aborts starts and drains that are under way when the daemon must end now. */
  readonly #end = new AbortController();

  constructor(
    config: Config,
    backend: MountBackend,
    version: string,
    clock: Clock = systemClock,
  ) {
    this.#configPath = config.path;
    this.#backend = backend;
    this.#version = version;
    this.#clock = clock;
    this.#startedMs = clock.nowMs();
    this.#roster = new MountRoster(config, backend, this.#end.signal, clock);
  }

  /** Resolves after a shutdown that succeeded: the process may end. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  /** Resolves after a `restart`: the process is to end as it is. */
  get restarting(): Promise<void> {
    return this.#restarting.promise;
  }

  /** Mounts nothing; each mount that would be tells why. Never rejects. */
  async failAll(why: string): Promise<void> {
    await Promise.allSettled(this.#wanted().map((bucket) => bucket.fail(why)));
  }

  /** Starts all mounts that want it, side by side; resolves when each is up or has failed. Never rejects. */
  async startAll(): Promise<void> {
    await Promise.allSettled(this.#wanted().map((bucket) => bucket.start(this.#end.signal)));
  }

  health(): HealthDocument {
    return {
      healthy: this.#roster.buckets.every(isHealthy),
      version: this.#version,
      uptime_seconds: this.#uptimeSeconds(),
    };
  }

  status(): StatusDocument {
    const { healthy, version, uptime_seconds } = this.health();
    const usage = this.#backend.usage();
    return {
      version,
      pid: Deno.pid,
      uptime_seconds,
      healthy,
      config_path: this.#configPath,
      config_error: this.configError,
      ...usage,
      problems: [...usage.problems, ...this.#roster.unapplied()],
      mounts: this.#roster.buckets.map((bucket) => bucket.status()),
    };
  }

  /** The names of mounts that keep programs waiting and do not move on: see `RunningMount.answers`. */
  stuck(): string[] {
    return this.#roster.buckets.filter((bucket) => !bucket.answers())
      .map(({ config }) => config.name);
  }

  mount(id: string): MountStatus {
    return this.#bucket(id).status();
  }

  async startMount(id: string, signal: AbortSignal): Promise<MountStatus> {
    const bucket = this.#bucket(id);
    try {
      // The start goes on when the client leaves: its deadline is its own.
      await untilAborted(bucket.start(this.#end.signal), signal);
    } catch (error) {
      if (error instanceof ProblemError || signal.aborted) throw error;
      const hint = bucket.status().error?.hint ?? "";
      throw new ProblemError({
        title: "Cannot mount",
        status: 502,
        detail: sentence(`Cannot mount "${id}"`, error),
        ...(hint === "" ? {} : { hint }),
      }, { cause: error });
    }
    return bucket.status();
  }

  async stopMount(id: string, options: DrainOptions, signal: AbortSignal): Promise<MountStatus> {
    const bucket = this.#bucket(id);
    await bucket.stop(options, this.#orEnd(signal));
    return bucket.status();
  }

  async flushMount(id: string, timeoutMs: number, signal: AbortSignal): Promise<MountStatus> {
    const bucket = this.#bucket(id);
    await bucket.flush(timeoutMs, this.#orEnd(signal));
    return bucket.status();
  }

  async clearCache(id: string | undefined): Promise<ClearedCacheDocument> {
    const mount = id === undefined ? undefined : this.#bucket(id).config;
    return { freed_bytes: await this.#backend.clearCache(mount) };
  }

  /** See `MountRoster.apply`. */
  async apply(config: Config): Promise<Applied> {
    return await this.#roster.apply(config);
  }

  restart(): void {
    if (this.#backend.outlivesProcess !== true) {
      throw new ProblemError({
        title: "Cannot go on in another process",
        status: 409,
        detail: "Cannot restart without unmounting: nobody keeps the mounts of this daemon",
        hint: "Stop it, and start it anew",
      });
    }
    // The answer goes out first.
    void this.#clock.sleep(ANSWER_MS).then(() => this.#restarting.resolve());
  }

  /** Stops every mount; those that could be stopped stay so when another one could not. */
  async shutdown(options: DrainOptions, signal: AbortSignal): Promise<ShutdownDocument> {
    this.#roster.isEnding = true;
    const buckets = this.#roster.buckets;
    const results = await Promise.allSettled(
      buckets.map((bucket) => bucket.stop(options, this.#orEnd(signal))),
    );
    this.#roster.isEnding = results.every(({ status }) => status === "fulfilled");
    signal.throwIfAborted();
    const failures = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as unknown] : []
    );
    if (failures.length > 0) throw combined(failures);
    this.#stopped.resolve();
    return { stopped: true, pending: this.#pending() };
  }

  /**
   * Ends everything for a process that is about to go: drains until `drainMs` is over or `hurry` fires,
   * then detaches what is left. What was not uploaded stays in the journal. Never rejects.
   */
  async end(drainMs: number, hurry: AbortSignal): Promise<void> {
    // Bounded here too: a stop that somebody else asked for may be ahead, with more patience.
    const limit = AbortSignal.any([hurry, AbortSignal.timeout(drainMs + STOP_MS)]);
    try {
      await untilAborted(this.shutdown({ timeoutMs: drainMs, force: false }, limit), limit);
    } catch (error) {
      const left = this.#pending();
      log.warn("Not everything could be stopped in order: {error}", { error });
      if (left.length > 0) {
        log.warn("Left for the next start: {pending}", { pending: JSON.stringify(left) });
      }
      this.#end.abort(new Error("the daemon is stopping"));
      this.#roster.isEnding = true;
      await Promise.allSettled(
        this.#roster.buckets.map((bucket) =>
          bucket.stop({ timeoutMs: 0, force: true }, new AbortController().signal)
        ),
      );
    }
    try {
      await this.#backend.close();
    } catch (error) {
      log.error("Cannot close in order: {error}", { error });
    }
  }

  #wanted(): MountedBucket[] {
    return this.#roster.buckets.filter(({ config }) =>
      config.enabled && (config.autoMount || this.#backend.isLeft?.(config) === true)
    );
  }

  #pending(): PendingMount[] {
    return this.#roster.buckets.flatMap((bucket) => bucket.pending() ?? []);
  }

  #bucket(id: string): MountedBucket {
    const bucket = this.#roster.find(id);
    if (bucket !== undefined) return bucket;
    throw new ProblemError({
      title: "No such mount",
      status: 404,
      detail: `Cannot find a mount named "${id}"`,
      hint: this.#roster.buckets.length === 0
        ? `${this.#configPath} lists none`
        : `There are: ${this.#roster.buckets.map(({ config }) => config.name).join(", ")}`,
    });
  }

  #orEnd(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#end.signal]);
  }

  #uptimeSeconds(): number {
    return Math.max(0, Math.round((this.#clock.nowMs() - this.#startedMs) / 1000));
  }
}

function isHealthy(bucket: MountedBucket): boolean {
  const { state } = bucket;
  return state === "mounted" || state === "stopped" || state === "draining";
}

/** One problem for several: all that is pending, and 504 when any timed out. */
function combined(failures: readonly unknown[]): unknown {
  if (failures.length === 1) return failures[0];
  const problems = failures.map((failure) =>
    failure instanceof ProblemError ? failure.problem : undefined
  );
  const pending = problems.flatMap((problem) => problem?.pending ?? []);
  const hint = problems.find((problem) => problem?.hint !== undefined)?.hint;
  return new ProblemError({
    title: "Not all mounts could be stopped",
    status: problems.some((problem) => problem?.status === 504) ? 504 : 409,
    detail: failures.map(messageOf).join("; "),
    ...(hint === undefined ? {} : { hint }),
    ...(pending.length === 0 ? {} : { pending }),
  }, { cause: failures[0] });
}
