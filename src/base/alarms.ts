/**
 * Deadlines of much that happens at a time, with one timer of the system for all: setting and clearing
 * a timer of its own costs a small request as much as being signed.
 */
import type { Clock } from "./clock.ts";

/** One deadline. */
export interface Alarm {
  /** Calls `onRing` once after `ms`, instead of what was set before. */
  set(ms: number, onRing: () => void): void;
  /** Does not ring any more. */
  clear(): void;
}

interface Entry {
  dueMs: number;
  onRing: () => void;
}

export class Alarms {
  readonly #clock: Clock;
  readonly #set = new Set<Entry>();
  #timer: { readonly dueMs: number; readonly stop: AbortController } | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new alarm, not set. */
  alarm(): Alarm {
    const entry: Entry = { dueMs: Infinity, onRing: () => {} };
    return {
      set: (ms, onRing) => {
        entry.dueMs = this.#clock.monotonicMs() + ms;
        entry.onRing = onRing;
        this.#set.add(entry);
        if (this.#timer === undefined || this.#timer.dueMs > entry.dueMs) this.#wait(entry.dueMs);
      },
      clear: () => {
        this.#set.delete(entry);
        if (this.#isClosed && this.#set.size === 0) this.#stopWaiting();
      },
    };
  }

  /**
   * Lets go of the timer when no alarm is set any more; before, it stays for those that will be. What is
   * set still rings.
   */
  close(): void {
    this.#isClosed = true;
    if (this.#set.size === 0) this.#stopWaiting();
  }

  #wait(dueMs: number): void {
    this.#stopWaiting();
    const stop = new AbortController();
    this.#timer = { dueMs, stop };
    const ms = Math.max(0, dueMs - this.#clock.monotonicMs());
    this.#clock.sleep(ms, stop.signal).then(() => this.#ring(), () => {}); // stopped
  }

  #stopWaiting(): void {
    this.#timer?.stop.abort();
    this.#timer = undefined;
  }

  #ring(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const due = [...this.#set].filter(({ dueMs }) => dueMs <= nowMs);
    for (const entry of due) {
      // Another one may have cleared it, or set it anew.
      if (!this.#set.has(entry) || entry.dueMs > nowMs) continue;
      this.#set.delete(entry);
      entry.onRing();
    }
    let nextMs = Infinity;
    for (const { dueMs } of this.#set) nextMs = Math.min(nextMs, dueMs);
    if (nextMs < Infinity) this.#wait(nextMs);
  }
}
