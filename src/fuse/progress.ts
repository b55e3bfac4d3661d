/**
 * Whether a mount moves on, without touching it: it does not when the kernel has requests and none is
 * taken for long. That an operation takes its time says nothing: a lock is waited for as long as it is
 * held, a close that waits for S3 as long as its upload moves on.
 */
import type { Clock } from "../base/clock.ts";

/** Twice what an operation may wait for S3: by then one of a full house has ended. */
const STUCK_MS = 60_000;
/** Between two looks no more than this counts. */
const LOOK_MS_MAX = 10_000;

/** What is watched; `Session` is one. */
export interface ProgressSource {
  /** Requests taken so far. */
  readonly taken: number;
  /** Whether the kernel has one that was not taken yet. */
  readonly hasWaiting: boolean;
}

export class Progress {
  readonly #source: ProgressSource;
  readonly #clock: Clock;
  #taken = -1;
  #askedMs = 0;
  /** For how long it has been seen not to move on. */
  #stuckMs = 0;

  constructor(source: ProgressSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  /** To be asked every few seconds. */
  answers(): boolean {
    const { taken, hasWaiting } = this.#source;
    const nowMs = this.#clock.monotonicMs();
    // A long time between two questions means that this thread was held up, and could take nothing.
    const passedMs = Math.min(nowMs - this.#askedMs, LOOK_MS_MAX);
    this.#askedMs = nowMs;
    this.#stuckMs = hasWaiting && taken === this.#taken ? this.#stuckMs + passedMs : 0;
    this.#taken = taken;
    return this.#stuckMs < STUCK_MS;
  }
}
