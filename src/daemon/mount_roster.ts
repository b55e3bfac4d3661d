/** The mounts of a daemon, by the config, which may change: see `MountRoster.apply`. */
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { Config, DaemonConfig, MountConfig } from "../config/types.ts";
import type { ReloadDocument } from "../control/protocol.ts";
import type { MountBackend } from "../wiring/mount_backend.ts";
import { volumeOf } from "../wiring/volume_name.ts";
import { isInTheWay, isLiveChange, mountChanges, restartNeeded } from "./config_changes.ts";
import { MountedBucket, sentence } from "./mounted_bucket.ts";

const log = logger("daemon");

/** A mount that goes to another bucket has its uploads finished so long; then it stays where it is. */
const CHANGE_DRAIN_MS = 60_000;
/** One that the config does not list any more so long at a time: others may wait for it. */
const LEAVE_DRAIN_MS = 10_000;
/** Until a mount that is to go and could not is tried again. */
const LEAVE_PAUSE_MS = 5_000;

/** What a config has begun. */
export interface Applied {
  /** By name, of each mount that is touched: resolves when that is over, with why it was in vain if it was. */
  readonly outcomes: ReadonlyMap<string, Promise<string | undefined>>;
  /** All of them. */
  readonly done: Promise<ReloadDocument>;
}

export class MountRoster {
  /** Nothing is started any more. */
  isEnding = false;
  readonly #backend: MountBackend;
  readonly #clock: Clock;
  /** Aborts what is under way when the daemon must end now. */
  readonly #end: AbortSignal;
  /** What the process has started with. */
  readonly #started: DaemonConfig;
  #config: Config;
  /** Names of those that are to be started when what is in their way has gone. */
  readonly #coming = new Set<string>();
  /** By the settings of what goes: settles when it is out of the way, or cannot go yet. Never rejects. */
  readonly #going = new Map<MountConfig, Promise<string | undefined>>();
  /** By name, in the order of the config; those that are leaving come last. */
  #buckets: Map<string, MountedBucket>;

  constructor(config: Config, backend: MountBackend, end: AbortSignal, clock: Clock) {
    this.#config = config;
    this.#started = config.daemon;
    this.#backend = backend;
    this.#clock = clock;
    this.#end = end;
    this.#buckets = new Map(
      config.mounts.map((mount) => [mount.name, new MountedBucket(mount, backend, clock)]),
    );
  }

  get buckets(): readonly MountedBucket[] {
    return [...this.#buckets.values()];
  }

  find(name: string): MountedBucket | undefined {
    return this.#buckets.get(name);
  }

  /**
   * Goes by another config: only mounts whose settings have changed are touched, and each waits only for
   * those whose place or objects it takes over. May be called again while what the last call began is
   * under way. Never rejects: what becomes of each mount is told.
   */
  async apply(next: Config): Promise<Applied> {
    this.#config = next;
    await this.#reconfigureBackend();
    const revived = next.mounts.filter(({ name }) => this.#revive(name));
    const present = [...this.#buckets.values()].filter(({ leaving }) => !leaving);
    const { added, removed, changed } = mountChanges(
      present.map(({ config }) => config),
      next.mounts,
    );
    const wanted = next.mounts.filter((mount) => revived.includes(mount) || this.#isWanted(mount));
    for (const config of added) {
      this.#buckets.set(config.name, new MountedBucket(config, this.#backend, this.#clock));
    }
    this.#sort();
    const outcomes = new Map<string, Promise<string | undefined>>();
    for (const config of removed) {
      outcomes.set(config.name, this.#goes(config, this.#remove(this.#known(config.name))));
    }
    const prepared = new Map<MountConfig, Promise<string | undefined>>();
    for (const { before, after } of changed) {
      if (isLiveChange(before, after)) continue;
      const work = attempt(after, this.#prepare(this.#known(after.name), after));
      prepared.set(after, this.#goes(before, work));
    }
    for (const after of next.mounts) {
      const isTouched = changed.some((change) => change.after === after) || added.includes(after) ||
        revived.includes(after) ||
        this.#known(after.name).awaitsStart;
      if (!isTouched) continue;
      if (wanted.includes(after)) this.#coming.add(after.name);
      const way = [...this.#going].flatMap(([old, gone]) => isInTheWay(old, after) ? [gone] : []);
      const entered = attempt(after, this.#enter(after.name, Promise.all(way)));
      outcomes.set(
        after.name,
        Promise.all([prepared.get(after), entered]).then(([one, two]) => one ?? two),
      );
    }
    const names = (mounts: readonly MountConfig[]) => mounts.map(({ name }) => name);
    const done = async (): Promise<ReloadDocument> => {
      const notApplied: { name: string; message: string }[] = [];
      for (const [name, outcome] of outcomes) {
        const message = await outcome;
        if (message !== undefined) notApplied.push({ name, message });
      }
      return {
        added: names(added),
        changed: names(changed.map(({ after }) => after)),
        removed: names(removed),
        restart_needed: restartNeeded(this.#started, next.daemon),
        not_applied: notApplied,
      };
    };
    return { outcomes, done: done() };
  }

  /** Notes for those who wait for its place that a mount goes. */
  #goes(config: MountConfig, gone: Promise<string | undefined>): Promise<string | undefined> {
    const noted = gone.finally(() => this.#going.delete(config));
    this.#going.set(config, noted);
    return noted;
  }

  /** Brings a mount to what the config says when it is its turn, which may be more than was asked for. */
  async #enter(name: string, way: Promise<unknown>): Promise<void> {
    await way;
    const isComing = this.#coming.delete(name);
    const bucket = this.#buckets.get(name);
    const config = this.#config.mounts.find((mount) => mount.name === name);
    if (bucket === undefined || bucket.leaving || config === undefined) return;
    bucket.reconfigure(config);
    if (isComing && config.enabled && !this.isEnding) await bucket.start(this.#end);
  }

  /** Whether a mount of the new config is to be started: it was up, or is now mounted by itself. */
  #isWanted({ name, enabled, autoMount }: MountConfig): boolean {
    const bucket = this.#buckets.get(name);
    if (!enabled) return false;
    if (bucket === undefined) return autoMount;
    if (this.#coming.has(name)) return true;
    const { config } = bucket;
    const isUp = bucket.state !== "stopped" && bucket.state !== "draining";
    return isUp || (autoMount && !(config.autoMount && config.enabled));
  }

  /** Unmounts what is to be mounted anew. What is not in S3 yet need not wait where it is found again. */
  async #prepare(bucket: MountedBucket, after: MountConfig): Promise<void> {
    const drain = volumeOf(bucket.config) !== volumeOf(after) || !after.enabled;
    bucket.reconfigure(after);
    await bucket.stop({ timeoutMs: CHANGE_DRAIN_MS, force: false, drain }, this.#end);
  }

  /** Resolves when it has gone, or could not go yet: then it is tried again until it can. */
  async #remove(bucket: MountedBucket): Promise<undefined> {
    bucket.leaving = true;
    if (await this.#leave(bucket)) return;
    const signal = this.#end;
    void (async () => {
      while (bucket.leaving && !signal.aborted) {
        await this.#clock.sleep(LEAVE_PAUSE_MS, signal).catch(() => {});
        if (!bucket.leaving || await this.#leave(bucket)) return;
      }
    })();
  }

  /** False when it could not go. */
  async #leave(bucket: MountedBucket): Promise<boolean> {
    const { config } = bucket;
    // Another mount of the same objects finds what is pending.
    const drain = !this.#config.mounts.some((mount) => volumeOf(mount) === volumeOf(config));
    const options = { timeoutMs: LEAVE_DRAIN_MS, force: false, drain };
    try {
      await bucket.stop(options, this.#end);
    } catch (error) {
      log.warn("{name} is not in the config any more, and cannot go yet: {error}", {
        name: config.name,
        error,
      });
      return false;
    }
    if (bucket.leaving) this.#buckets.delete(config.name);
    await this.#reconfigureBackend();
    return true;
  }

  async #reconfigureBackend(): Promise<void> {
    try {
      await this.#backend.reconfigure(this.#config);
    } catch (error) {
      log.error("Cannot apply all of the config: {error}", { error });
    }
  }

  /** It is to stay after all; false when it was not to go. */
  #revive(name: string): boolean {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined || !bucket.leaving) return false;
    bucket.leaving = false;
    return true;
  }

  /** Into the order of the config. */
  #sort(): void {
    const order = this.#config.mounts.map(({ name }) => name);
    const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
    const entries = [...this.#buckets].sort(([a], [b]) => place(a) - place(b));
    this.#buckets = new Map(entries);
  }

  /** What of the config is not in use yet, a line each. */
  unapplied(): string[] {
    const { path, daemon } = this.#config;
    return [
      ...restartNeeded(this.#started, daemon).map((key) =>
        `${path} says another ${key}: it takes effect with: cloudmount restart`
      ),
      ...[...this.#buckets.values()].filter(({ awaitsStart }) => awaitsStart)
        .map(({ config: { name } }) =>
          `${name} goes on with its old settings until it is mounted again: ` +
          `cloudmount unmount ${name}; cloudmount mount ${name}`
        ),
    ];
  }

  #known(name: string): MountedBucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new Error(`There is no mount "${name}"`);
    return bucket;
  }
}

/** Why `work` failed, if it did. */
async function attempt({ name }: MountConfig, work: Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return sentence(`Cannot change "${name}"`, error);
  }
}
