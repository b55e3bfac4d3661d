import { setImmediate } from "node:timers";

/** The only reader of time. Components take a `Clock`, so that tests can drive it. */
export interface Clock {
  /** Wall time, milliseconds since the epoch. Jumps when the system's clock is set, and over sleep. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never goes back, does not count sleep. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when `signal` fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** Resolves in a later turn of the event loop: when all that is ready to run now has run. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Lets timers and I/O that are ready go first. Takes microseconds, where `nextTurn` has the least delay of
 * timers: for long work, and for loops whose awaits may all be ready at once.
 */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => void setImmediate(() => resolve()));
}

/**
 * A timer that fires `onTimeout` when `kick()` was not called for `ms`: one pending system timer
 * however often it is kicked. `stop()` ends it.
 */
export class StallTimer {
  readonly #ms: number;
  readonly #onTimeout: () => void;
  #deadline: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, onTimeout: () => void) {
    this.#ms = ms;
    this.#onTimeout = onTimeout;
    this.#deadline = performance.now() + ms;
    this.#timer = setTimeout(() => this.#check(), ms);
  }

  kick(): void {
    this.#deadline = performance.now() + this.#ms;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    if (this.#timer === undefined) return;
    const left = this.#deadline - performance.now();
    if (left <= 0) {
      this.#timer = undefined;
      this.#onTimeout();
    } else {
      this.#timer = setTimeout(() => this.#check(), left);
    }
  }
}

/** A signal that fires when `parent` does, or with a `TimeoutError` after `ms`; dispose of it after use. */
export class Deadline implements Disposable {
  readonly #parent: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #onAbort = () => this.#controller.abort(this.#parent.reason);

  constructor(parent: AbortSignal, ms: number) {
    this.#parent = parent;
    this.#timer = setTimeout(() => {
      this.#controller.abort(new DOMException(`No answer within ${ms} ms`, "TimeoutError"));
    }, ms);
    if (parent.aborted) this.#onAbort();
    else parent.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener("abort", this.#onAbort);
  }
}
