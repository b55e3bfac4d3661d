/** A limit in time for something that takes an AbortSignal. */
import type { Clock } from "../base/clock.ts";
import { untilAborted } from "../base/until_aborted.ts";

export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #onParent = () => this.#controller.abort(this.#parent?.reason);

  /** `signal` fires after `ms`, with `reason`, or with `parent`, until `release` is called. */
  constructor(ms: number, reason: Error, clock: Clock, parent?: AbortSignal) {
    this.#parent = parent;
    if (parent?.aborted === true) this.#onParent();
    parent?.addEventListener("abort", this.#onParent, { once: true });
    clock.sleep(ms, this.#timer.signal).then(() => this.#controller.abort(reason), () => {});
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends it: the program need not wait for the timer. */
  release(): void {
    this.#timer.abort();
    this.#parent?.removeEventListener("abort", this.#onParent);
  }

  /** `result`, unless the signal fires first. Releases the deadline. */
  async bound<T>(result: Promise<T>): Promise<T> {
    try {
      return await untilAborted(result, this.signal);
    } finally {
      this.release();
    }
  }
}
