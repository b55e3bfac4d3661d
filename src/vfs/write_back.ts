/**
 * When changes are carried out: in the background, some time after the last wish for a key, so that
 * what is soon rewritten, renamed or removed is never sent; at once for somebody who waits. What fails
 * is tried again for as long as the mount lasts, after pauses that grow. Removals go many at a time.
 */
import { messageOf } from "../base/message_of.ts";
import { untilAborted } from "../base/until_aborted.ts";
import { SystemError } from "../ffi/system_error.ts";
import { StoreError } from "../s3/errors.ts";
import { MULTIPART_MIN } from "../content/uploader.ts";
import type { Change, Scheduler } from "./change.ts";
import type { Inode } from "./inode.ts";
import type { UploadLanes, Volume } from "./volume.ts";

/** After the last change of a file, or of a name. */
const DELAY_MS = 1000;
/** However often it is changed, it waits no longer than this. */
const DELAY_MAX_MS = 30_000;
/** Pauses after failures: each twice the one before. */
const PAUSE_MIN_MS = 1000;
const PAUSE_MAX_MS = 60_000;
/** After a failure that time alone does not mend, "access denied" for example. */
const FAILED_PAUSE_MS = 300_000;
/** Changes of one mount under way at a time; beyond, they wait without costing memory. */
const RUNNING_MAX = 64;
/** Keys in one DeleteObjects request. */
const REMOVALS_MAX = 1000;
/**
 * While small changes come one after the other, as when a tree is copied or removed, the first of them
 * waits so long for the others: whoever makes them is not held up, and removals go together.
 */
const GATHER_MS = 5000;
/** It is looked no more often than this what comes due, */
const LOOK_EVERY_MS = 20;
/** nor does looking, of which each change has its share, take a greater part of the time. */
const LOOK_SHARE = 1 / 20;
const LOOK_PAUSE_MAX_MS = 1000;

/** Carries changes out. Throws why it could not; settles what is done. */
export interface Performer {
  /** Uploads, copies. */
  write(change: Change, signal: AbortSignal): Promise<void>;
  /** Tries all; a failure of one is in its place in the result. */
  remove(changes: readonly Change[], signal: AbortSignal): Promise<(Error | undefined)[]>;
}

export class WriteBack implements Scheduler {
  readonly #volume: Volume;
  readonly #performer: Performer;
  readonly #lanes: UploadLanes;
  /** Nothing below these prefixes is begun. */
  readonly #paused = new Set<string>();
  #running = 0;
  /** Monotonic times: of the next look at what is due, if no other reason comes first; of the last one, */
  #wakeMs = Infinity;
  #lookedMs = -Infinity;
  /** with the pause after it; */
  #pauseMs = LOOK_EVERY_MS;
  /** and when the next change comes due, as of then. */
  #nextMs = Infinity;
  /** What is due waits for what comes. */
  #gathers = false;
  #pumping = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(volume: Volume, performer: Performer, lanes: UploadLanes) {
    this.#volume = volume;
    this.#performer = performer;
    this.#lanes = lanes;
  }

  get running(): number {
    return this.#running;
  }

  schedule(change: Change, delayMs = DELAY_MS): void {
    const { clock } = this.#volume.options;
    const age = clock.nowMs() - change.sinceMs;
    const delay = Math.max(0, Math.min(delayMs, DELAY_MAX_MS - age));
    if (!change.isUrgent) change.dueMs = clock.monotonicMs() + delay;
    if (change.isUrgent || delay === 0) this.#pumpSoon();
    else this.#wakeAt(change.dueMs);
  }

  retry(): void {
    const nowMs = this.#volume.options.clock.monotonicMs();
    for (const change of this.#volume.changes.values()) {
      // A file that is open and has no time yet gets one when it is closed.
      if (change.error === undefined || change.dueMs === Infinity) continue;
      change.attempts = 0;
      change.dueMs = Math.min(change.dueMs, nowMs);
    }
    this.#pumpSoon();
  }

  async push(inode: Inode, signal: AbortSignal): Promise<void> {
    for (;;) {
      const change = this.#volume.changes.of(inode);
      if (change === undefined) return;
      await this.#attempt(change, signal);
    }
  }

  async pushKey(key: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const change = this.#volume.changes.get(key);
      if (change === undefined) return;
      await this.#attempt(change, signal);
    }
  }

  async drain(signal: AbortSignal): Promise<void> {
    const failures: unknown[] = [];
    const push = async (change: Change) => {
      for (;;) {
        try {
          return await this.pushKey(change.key, signal);
        } catch (error) {
          signal.throwIfAborted();
          if (isPassing(error)) continue;
          failures.push(error);
          return;
        }
      }
    };
    while (failures.length === 0 && this.#volume.changes.size > 0) {
      await Promise.all([...this.#volume.changes.values()].map(push));
    }
    if (failures.length > 0) throw failures[0];
  }

  async pause(prefixes: readonly string[], signal: AbortSignal): Promise<Disposable> {
    for (const prefix of prefixes) this.#paused.add(prefix);
    const resume = {
      [Symbol.dispose]: () => {
        for (const prefix of prefixes) this.#paused.delete(prefix);
        this.#pumpSoon();
      },
    };
    try {
      const isBusy = () =>
        [...this.#volume.changes.values()].some((change) =>
          change.running && prefixes.some((prefix) => change.key.startsWith(prefix))
        );
      while (isBusy()) {
        this.#idle ??= Promise.withResolvers();
        await untilAborted(this.#idle.promise, signal);
      }
      return resume;
    } catch (error) {
      resume[Symbol.dispose]();
      throw error;
    }
  }

  async close(): Promise<void> {
    while (this.#running > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
  }

  /** The outcome of the next attempt that begins with the present wish. */
  #attempt(change: Change, signal: AbortSignal): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    change.waiters.push(waiter);
    // What is tried already counts: a wish that came too late for it is seen by the caller's next look.
    change.isUrgent = true;
    change.dueMs = Math.min(change.dueMs, this.#pauseEnd(change));
    this.#hastenNeeded(change);
    this.#pumpSoon();
    return untilAborted(waiter.promise, signal);
  }

  /** Somebody who waits does not wait for the delay, but does for the pause after a failure. */
  #pauseEnd(change: Change): number {
    return change.attempts === 0 || change.error?.passing === false ? 0 : change.dueMs;
  }

  /** What has to come before the change may come at once too. */
  #hastenNeeded(change: Change): void {
    const { changes } = this.#volume;
    const isFirst = !changes.isNeeded(change) && !isDirectoryRemoval(change) &&
      this.#inTheWay(change).length === 0;
    if (isFirst) return;
    for (const other of changes.values()) {
      if (!this.#comesBefore(other, change)) continue;
      if (other.isUrgent) continue;
      other.isUrgent = true;
      other.dueMs = Math.min(other.dueMs, this.#pauseEnd(other));
      this.#hastenNeeded(other);
    }
  }

  /** True when `change` has to wait for `other`. */
  #comesBefore(other: Change, change: Change): boolean {
    if (other === change) return false;
    // A directory is seen for as long as there are keys below it.
    return this.#volume.changes.neededKey(other) === change.key ||
      (isDirectoryRemoval(change) && other.key.startsWith(change.key)) ||
      this.#inTheWay(change).includes(other);
  }

  /** Removals of "a/" before "a", and of "a" before "a/b": not every server can have both at once. */
  #inTheWay({ key, wish }: Change): Change[] {
    if (wish.kind === "removal") return [];
    const keys = key.endsWith("/") ? [] : [`${key}/`];
    for (let end = key.indexOf("/"); end > 0; end = key.indexOf("/", end + 1)) {
      keys.push(key.slice(0, end));
    }
    const { changes } = this.#volume;
    return keys.filter((key) => changes.isRemoved(key)).map((key) => changes.get(key)!);
  }

  /** True when `other` has to come before `change`, or before what has to come before it. */
  #waitsFor(change: Change, other: Change, seen: Set<Change> = new Set()): boolean {
    seen.add(change);
    for (const before of this.#volume.changes.values()) {
      if (seen.has(before) || !this.#comesBefore(before, change)) continue;
      if (before === other || this.#waitsFor(before, other, seen)) return true;
    }
    return false;
  }

  /** In the next turn, once for all that happens in this one. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#volume.closing.signal.aborted) return;
    const nowMs = this.#volume.options.clock.monotonicMs();
    const looksAgainMs = this.#lookedMs + this.#pauseMs;
    // What has changed since is found then.
    const isTooSoon = nowMs < looksAgainMs;
    if (!isTooSoon) this.#look(nowMs);
    const removals: Change[] = [];
    for (const change of this.#volume.changes.values()) {
      if (this.#running >= RUNNING_MAX) return;
      if (change.running || this.#dueMs(change) > nowMs) continue;
      const waits = this.#gathers && !change.isUrgent && change.bytes < MULTIPART_MIN;
      if (waits || this.#isHeld(change)) continue;
      if (change.wish.kind !== "removal") void this.#write(change);
      else if (removals.push(change) === REMOVALS_MAX) void this.#remove(removals.splice(0));
    }
    if (removals.length > 0) void this.#remove(removals);
    if (isTooSoon) return this.#wakeAt(looksAgainMs);
    const tookMs = this.#volume.options.clock.monotonicMs() - nowMs;
    const pauseMs = Math.min(tookMs / LOOK_SHARE, LOOK_PAUSE_MAX_MS);
    this.#pauseMs = Math.max(pauseMs, LOOK_EVERY_MS);
    this.#wakeAt(Math.max(this.#nextMs, nowMs + this.#pauseMs));
  }

  /** Finds out when the next change comes due, and whether those that are due wait for it. */
  #look(nowMs: number): void {
    let nextMs = Infinity;
    let oldestMs = Infinity;
    for (const change of this.#volume.changes.values()) {
      if (change.running) continue;
      const dueMs = this.#dueMs(change);
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else oldestMs = Math.min(oldestMs, dueMs);
    }
    this.#lookedMs = nowMs;
    this.#nextMs = nextMs;
    this.#gathers = nextMs <= nowMs + DELAY_MS && nowMs - oldestMs < GATHER_MS;
  }

  /** A file that is being written waits until it is quiet, for a while, unless somebody waits for it. */
  #dueMs({ dueMs, wish, isUrgent, sinceMs }: Change): number {
    if (wish.kind !== "file" || wish.inode.writers === 0 || isUrgent) return dueMs;
    const age = this.#volume.options.clock.nowMs() - sinceMs;
    return age > DELAY_MAX_MS ? dueMs : Math.max(dueMs, wish.inode.changedMs + DELAY_MS);
  }

  /** At the latest. A later timer stays: a look too many costs less than to stop it. */
  #wakeAt(dueMs: number): void {
    if (dueMs >= this.#wakeMs) return;
    this.#wakeMs = dueMs;
    const { closing, options: { clock } } = this.#volume;
    clock.sleep(Math.max(0, dueMs - clock.monotonicMs()), closing.signal).then(() => {
      if (this.#wakeMs === dueMs) this.#wakeMs = Infinity;
      this.#pumpSoon();
    }, () => {});
  }

  /** True while something else has to come first. */
  #isHeld(change: Change): boolean {
    const { changes } = this.#volume;
    if (change.wish.kind === "file" && change.wish.inode.uploading) return true;
    if (changes.isNeeded(change)) return true;
    for (const prefix of this.#paused) if (change.key.startsWith(prefix)) return true;
    // In a circle, all that can be done is to try.
    if (this.#inTheWay(change).some((removal) => !this.#waitsFor(removal, change))) return true;
    if (!isDirectoryRemoval(change)) return false;
    for (const other of changes.values()) if (this.#comesBefore(other, change)) return true;
    return false;
  }

  async #write(change: Change): Promise<void> {
    change.running = true;
    change.tried = true;
    this.#running++;
    const lane = change.bytes >= MULTIPART_MIN ? this.#lanes.large : this.#lanes.small;
    let failure: unknown;
    try {
      const release = await lane.acquire(this.#volume.closing.signal);
      try {
        await this.#performer.write(change, this.#volume.closing.signal);
      } finally {
        release();
      }
    } catch (error) {
      failure = error;
    }
    this.#running--;
    this.#end(change, failure);
  }

  async #remove(changes: readonly Change[]): Promise<void> {
    for (const change of changes) change.running = true;
    this.#running++;
    let failures: readonly unknown[];
    try {
      failures = await this.#performer.remove(changes, this.#volume.closing.signal);
    } catch (error) {
      failures = changes.map(() => error);
    }
    this.#running--;
    changes.forEach((change, index) => this.#end(change, failures[index]));
  }

  #end(change: Change, failure: unknown): void {
    const { clock, log } = this.#volume.options;
    change.running = false;
    change.isUrgent = false;
    const waiters = change.waiters.splice(0);
    if (failure === undefined) {
      change.attempts = 0;
      change.tried = false;
      change.error = undefined;
      // A newer wish has come meanwhile: in its own time, or now if somebody waits for it.
      if (change.dueMs < clock.monotonicMs()) change.dueMs = clock.monotonicMs() + DELAY_MS;
      for (const waiter of waiters) waiter.resolve();
    } else {
      this.#noteFailure(change, failure);
      for (const waiter of waiters) waiter.reject(failure);
      if (change.error?.passing === false) this.#failDependents(change, failure);
      if (!this.#volume.closing.signal.aborted) {
        const { message } = change.error!;
        log.error("{key} is not in S3 yet: {message}", { key: change.key, message });
      }
    }
    this.#idle?.resolve();
    this.#idle = undefined;
    this.#pumpSoon();
  }

  /** Who waits for what has to wait for this one would wait in vain. */
  #failDependents(change: Change, failure: unknown): void {
    for (const other of this.#volume.changes.values()) {
      if (other.waiters.length === 0 || !this.#comesBefore(change, other)) continue;
      for (const waiter of other.waiters.splice(0)) waiter.reject(failure);
      this.#failDependents(other, failure);
    }
  }

  #noteFailure(change: Change, failure: unknown): void {
    const { clock } = this.#volume.options;
    const passing = isPassing(failure);
    const pause = passing
      ? Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** change.attempts)
      : FAILED_PAUSE_MS;
    // Not all at the same moment.
    change.dueMs = clock.monotonicMs() + pause * (0.5 + Math.random() / 2);
    change.attempts++;
    const message = messageOf(failure);
    change.error = { message, atMs: clock.nowMs(), passing };
    if (!passing) void this.#volume.changes.commit([change.key]).catch(() => {});
  }
}

/** True when the same may succeed later. */
function isPassing(error: unknown): boolean {
  if (error instanceof StoreError) return error.retryable;
  // What an upload has to fetch finds room when others are done.
  if (error instanceof SystemError) return error.errno === "ENOSPC";
  return error instanceof DOMException;
}

function isDirectoryRemoval(change: Change): boolean {
  return change.wish.kind === "removal" && change.key.endsWith("/");
}
