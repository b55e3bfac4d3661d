/**
 * Repeats what failed for a reason that may pass: exponential pauses with full jitter, within a time
 * and within a budget that many failing operations share, so that an outage is not made worse.
 */
import type { Alarms } from "../base/alarms.ts";
import type { Clock } from "../base/clock.ts";
import { LinkedSignal } from "../base/linked_signal.ts";
import { StoreError, ThrottledError, TransportError } from "./errors.ts";
import { Pacer } from "./pacer.ts";

const FIRST_PAUSE_MS = 100;
const FIRST_THROTTLED_PAUSE_MS = 500;
const PAUSE_MS_MAX = 5_000;
/** A retry costs one token, a success gives a tenth back: in the long run one retry in ten requests. */
const TOKENS_MAX = 200;
const TOKENS_PER_SUCCESS = 0.1;

export interface RetrierOptions {
  readonly clock: Clock;
  readonly alarms: Alarms;
  /** How long an operation may be repeated. */
  readonly totalMs: number;
  /** Called for every repetition. */
  readonly onRetry: () => void;
  /** Between 0 and 1. */
  readonly random?: () => number;
}

/** What is done, for the error that its deadline raises. */
export interface Operation {
  readonly operation: string;
  readonly bucket: string;
  readonly key?: string;
  /**
   * The time limit also ends an attempt under way. Not set for uploads and copies, whose time depends
   * on their size: they are only not begun again after it.
   */
  readonly isBounded: boolean;
}

export class Retrier {
  readonly #options: RetrierOptions;
  readonly #pacer: Pacer;
  #tokens = TOKENS_MAX;

  constructor(options: RetrierOptions) {
    this.#options = options;
    this.#pacer = new Pacer(options.clock);
  }

  /** Runs `attempt` until it succeeds, fails for good, or the time is over. `count` is from 1. */
  async run<T>(
    operation: Operation,
    signal: AbortSignal,
    attempt: (signal: AbortSignal, count: number) => Promise<T>,
  ): Promise<T> {
    if (!operation.isBounded) return await this.#repeat(signal, attempt);
    const { alarms, totalMs } = this.#options;
    using linked = new LinkedSignal(signal);
    const alarm = alarms.alarm();
    alarm.set(totalMs, () => linked.abort(tooLate(operation, totalMs)));
    try {
      return await this.#repeat(linked.signal, attempt);
    } finally {
      alarm.clear();
    }
  }

  /** Takes one repetition from the budget, or throws `error`, which is the reason to repeat. */
  spend(error: unknown): void {
    if (this.#tokens < 1) throw error;
    this.#tokens--;
    this.#options.onRetry();
  }

  async #repeat<T>(
    signal: AbortSignal,
    attempt: (signal: AbortSignal, count: number) => Promise<T>,
  ): Promise<T> {
    const { clock, totalMs } = this.#options;
    const startMs = clock.monotonicMs();
    let before: unknown;
    for (let count = 1;; count++) {
      try {
        await this.#pacer.turn(signal);
        const result = await attempt(signal, count);
        this.#succeeded();
        return result;
      } catch (error) {
        // When the time is over, what went wrong before tells more than that.
        if (signal.aborted) {
          throw isTooLate(signal.reason) ? before ?? signal.reason : signal.reason;
        }
        before = error;
        const pauseMs = this.#pauseAfter(error, count);
        if (pauseMs === undefined) throw error;
        if (clock.monotonicMs() - startMs + pauseMs > totalMs) throw error;
        await clock.sleep(pauseMs, signal).catch((reason: unknown) => {
          throw isTooLate(reason) ? error : reason;
        });
        this.spend(error);
      }
    }
  }

  #succeeded(): void {
    this.#tokens = Math.min(TOKENS_MAX, this.#tokens + TOKENS_PER_SUCCESS);
    this.#pacer.succeeded();
  }

  /** How long to wait before the next attempt; undefined when there is none. */
  #pauseAfter(error: unknown, count: number): number | undefined {
    if (!(error instanceof StoreError) || !error.retryable) return undefined;
    const isThrottled = error instanceof ThrottledError;
    const askedMs = error.details.retryAfterMs ?? 0;
    if (isThrottled) this.#pacer.throttled(askedMs);
    const first = isThrottled ? FIRST_THROTTLED_PAUSE_MS : FIRST_PAUSE_MS;
    const random = this.#options.random ?? Math.random;
    const jitterMs = random() * Math.min(PAUSE_MS_MAX, first * 2 ** (count - 1));
    return Math.max(askedMs, jitterMs);
  }
}

class TooLateError extends TransportError {}

function isTooLate(reason: unknown): boolean {
  return reason instanceof TooLateError;
}

function tooLate(operation: Operation, totalMs: number): TooLateError {
  const { isBounded: _, ...details } = operation;
  return new TooLateError(`not done within ${totalMs / 1000} s`, {
    ...details,
    hint: "The endpoint does not answer, or all connections are busy",
  });
}
