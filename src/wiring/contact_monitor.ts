/**
 * Whether a mount can reach its bucket. An operation that fails in a way that may concern the whole
 * bucket raises a suspicion; a probe (the cheapest LIST) then decides, and goes on at growing intervals
 * until it succeeds; sooner when something has happened that may have mended it. A mount in good health
 * sends no probes: requests cost money.
 */
import { type Clock, Deadline } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { EndpointContact } from "../listings/listing_refresher.ts";
import type { ObjectBody, ObjectStore } from "../s3/object_store.ts";
import {
  AccessDeniedError,
  BucketNotFoundError,
  ClockSkewError,
  SignedOutError,
  StoreError,
  WrongRegionError,
} from "../s3/errors.ts";
import { explain, type Explanation } from "./explain.ts";
import type { Trouble } from "./mount_backend.ts";

/** An endpoint that takes longer for one LIST of one key is in trouble, whatever it answers later. */
const PROBE_TIMEOUT_MS = 5_000;
/** A start waits for the first answer: long enough to learn of a refusal, not to sit out an outage. */
const GREETING_TIMEOUT_MS = 2_500;
/** While operations run, an endpoint that was not heard of for so long is suspect. */
const SILENCE_MS = 3_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** So often it is looked, between probes, whether there are new credentials. */
const LOOK_EVERY_MS = 2_000;

const NO_ANSWER: Explanation = {
  message: "S3 does not answer",
  hint: "Check the network and the endpoint; the mount recovers by itself",
};
/** Where the error itself has none. */
const PATIENCE_HINT = "It is tried again: the mount recovers by itself";

export interface ContactMonitorOptions {
  /** Sends one request that tells whether the mount can work; it does not repeat what fails. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  /** How long ago the endpoint answered anything. */
  readonly sinceContactMs: () => number;
  /** Whether other credentials can be had than at the last probe. */
  readonly hasNewCredentials: () => Promise<boolean>;
  /** Called when the bucket is in reach again after it was not. */
  readonly onRegained: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Between 0 and 1. */
  readonly random?: () => number;
}

export class ContactMonitor implements EndpointContact {
  readonly #options: ContactMonitorOptions;
  readonly #closing = new AbortController();
  #trouble: Trouble | undefined;
  /** What the last probe has failed with. */
  #failure: unknown;
  #probing: Promise<void> | undefined;
  /** Ends the pause between two probes; aborted while there is none, the next one. */
  #hurry = new AbortController();
  #probedMs = -Infinity;
  #timesRegained = 0;
  /** Operations under way. */
  #running = 0;
  #listening = false;

  constructor(options: ContactMonitorOptions) {
    this.#options = options;
  }

  /** What is wrong, as far as is known. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** True while S3 does not answer; false where it has refused. */
  get isAway(): boolean {
    return this.#trouble !== undefined && !isRefusal(this.#failure);
  }

  /** How often the bucket was in reach again after it was not. */
  get timesRegained(): number {
    return this.#timesRegained;
  }

  /**
   * The first contact, made by `ask`. Resolves with S3's refusal if it answers that the mount cannot work, and with
   * undefined when all is well or there is no answer; `trouble` then tells.
   */
  async greet(ask = this.#options.probe): Promise<StoreError | undefined> {
    try {
      await this.#ask(GREETING_TIMEOUT_MS, ask);
      return undefined;
    } catch (error) {
      if (isRefusal(error) && !(error instanceof SignedOutError)) return error;
      this.#blame(error);
      this.suspect(error);
      return undefined;
    }
  }

  /** An operation failed: finds out whether the bucket is out of reach, if that is a possible reason. */
  suspect(error: unknown): void {
    if (concernsBucket(error)) this.#investigate();
  }

  /** Probes now: the network has changed, or the system has slept. */
  check(): void {
    if (this.#probing === undefined) this.#investigate();
    else this.#hurry.abort();
  }

  /** `store` with its failures and its silence watched. */
  watched(store: ObjectStore): ObjectStore {
    return watchStore(store, {
      begin: () => {
        this.#running++;
        if (!this.#listening) void this.#listen();
      },
      end: () => this.#running--,
      fail: (error) => this.suspect(error),
      succeed: () => this.#doubtTrouble(),
    });
  }

  /** Ends the probing. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("The mount ends"));
    this.#hurry.abort();
    await this.#probing;
  }

  #investigate(): void {
    if (this.#probing !== undefined) return;
    this.#probing = this.#probeUntilWell().finally(() => this.#probing = undefined);
  }

  /** The store repeats what fails for a long time: an outage is noticed before it gives up. */
  async #listen(): Promise<void> {
    const { clock, sinceContactMs } = this.#options;
    const { signal } = this.#closing;
    this.#listening = true;
    while (this.#running > 0 && !signal.aborted) {
      await clock.sleep(SILENCE_MS, signal).catch(() => {});
      if (this.#running > 0 && sinceContactMs() >= SILENCE_MS) this.#investigate();
    }
    this.#listening = false;
  }

  /** An operation succeeds while S3 is thought not to answer. */
  #doubtTrouble(): void {
    if (!this.isAway) return;
    if (this.#options.clock.monotonicMs() - this.#probedMs >= FIRST_PAUSE_MS) this.#hurry.abort();
  }

  async #probeUntilWell(): Promise<void> {
    const { signal } = this.#closing;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted;) {
      try {
        await this.#ask(PROBE_TIMEOUT_MS);
        return this.#isWell();
      } catch (error) {
        if (signal.aborted) return;
        this.#blame(error);
      }
      const isHurried = await this.#pause(pauseMs);
      pauseMs = isHurried ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }

  /** Half of `ms` at least, so that many mounts do not ask at the same moment; true when it was cut short. */
  async #pause(ms: number): Promise<boolean> {
    const { clock, hasNewCredentials, random = Math.random } = this.#options;
    const { signal } = this.#hurry;
    const isRefused = isRefusal(this.#failure);
    try {
      for (let leftMs = ms * (1 + random()) / 2; leftMs > 0; leftMs -= LOOK_EVERY_MS) {
        if (!isRefused) return await clock.sleep(leftMs, signal).then(() => false);
        await clock.sleep(Math.min(leftMs, LOOK_EVERY_MS), signal);
        if (await hasNewCredentials()) return true;
      }
      return false;
    } catch {
      this.#hurry = new AbortController();
      return true;
    }
  }

  #isWell(): void {
    this.#hurry = new AbortController();
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#timesRegained++;
    this.#options.log.info("The bucket is in reach again");
    this.#options.onRegained();
  }

  async #ask(timeoutMs: number, ask = this.#options.probe): Promise<void> {
    this.#probedMs = this.#options.clock.monotonicMs();
    using deadline = new Deadline(this.#closing.signal, timeoutMs);
    await ask(deadline.signal);
  }

  #blame(error: unknown): void {
    this.#failure = error;
    const { message, hint } = error instanceof StoreError ? explain(error) : NO_ANSWER;
    if (this.#trouble === undefined) {
      this.#options.log.warn("The bucket is out of reach: {reason}", { reason: message });
    }
    this.#trouble = {
      message,
      hint: hint === "" ? PATIENCE_HINT : hint,
      sinceMs: this.#trouble?.sinceMs ?? this.#options.clock.nowMs(),
    };
  }
}

/** Whether a failure can mean that the whole bucket is out of reach, not just one object. */
function concernsBucket(error: unknown): boolean {
  if (!(error instanceof StoreError)) return error instanceof Error;
  return error.retryable || isRefusal(error);
}

/** Whether S3 answered that this mount cannot work as configured. */
function isRefusal(error: unknown): error is StoreError {
  return error instanceof AccessDeniedError || error instanceof BucketNotFoundError ||
    error instanceof ClockSkewError || error instanceof WrongRegionError;
}

/** What is told of each operation. */
interface Watcher {
  readonly begin: () => void;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
  readonly succeed: () => void;
}

function watchStore(store: ObjectStore, watcher: Watcher): ObjectStore {
  const watch = <T>(work: Promise<T>, signal: AbortSignal) => watchWork(work, signal, watcher);
  return {
    bucket: store.bucket,
    list: (options, signal) => watch(store.list(options, signal), signal),
    head: (key, signal) => watch(store.head(key, signal), signal),
    get: async (key, options, signal) =>
      watchBody(await watch(store.get(key, options, signal), signal), signal, watcher),
    put: (key, body, options, signal) => watch(store.put(key, body, options, signal), signal),
    copy: (source, key, options, signal) => watch(store.copy(source, key, options, signal), signal),
    tags: (key, signal) => watch(store.tags(key, signal), signal),
    delete: (key, signal, condition) => watch(store.delete(key, signal, condition), signal),
    deleteMany: (targets, signal) => watch(store.deleteMany(targets, signal), signal),
    createMultipart: (key, options, signal) =>
      watch(store.createMultipart(key, options, signal), signal),
    uploadPart: (key, id, number, body, signal) =>
      watch(store.uploadPart(key, id, number, body, signal), signal),
    uploadPartCopy: (key, id, number, source, range, signal) =>
      watch(store.uploadPartCopy(key, id, number, source, range, signal), signal),
    completeMultipart: (key, id, parts, condition, signal) =>
      watch(store.completeMultipart(key, id, parts, condition, signal), signal),
    abortMultipart: (key, id, signal) => watch(store.abortMultipart(key, id, signal), signal),
    listMultipart: (options, signal) => watch(store.listMultipart(options, signal), signal),
  };
}

function watchBody(body: ObjectBody, signal: AbortSignal, watcher: Watcher): ObjectBody {
  return {
    info: body.info,
    cancel: () => body.cancel(),
    read: (target) => watchWork(body.read(target), signal, watcher),
  };
}

async function watchWork<T>(work: Promise<T>, signal: AbortSignal, watcher: Watcher): Promise<T> {
  watcher.begin();
  try {
    const result = await work;
    watcher.succeed();
    return result;
  } catch (error) {
    if (!calledOff(signal)) watcher.fail(error);
    throw error;
  } finally {
    watcher.end();
  }
}

/** An operation that its caller gave up says nothing about S3, but one that ran out of time does. */
function calledOff({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof DOMException && reason.name === "TimeoutError");
}
