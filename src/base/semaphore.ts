/** Bounded concurrency with a first-come, first-served queue. */

/** Gives one permit back; further calls do nothing. */
export type ReleasePermit = () => void;

interface Waiter {
  readonly grant: (release: ReleasePermit) => void;
}

/** At most `limit` permits are out at any time. */
export class Semaphore {
  readonly #limit: number;
  #inUse = 0;
  readonly #queue = new Set<Waiter>();

  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`Cannot create a semaphore: the limit must be at least 1: ${limit}`);
    }
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Waits for a permit; rejects with the signal's reason when it fires first. */
  acquire(signal: AbortSignal): Promise<ReleasePermit> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#inUse < this.#limit) return Promise.resolve(this.#grant());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        grant: (release) => {
          signal.removeEventListener("abort", onAbort);
          resolve(release);
        },
      };
      const onAbort = () => {
        this.#queue.delete(waiter);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#queue.add(waiter);
    });
  }

  /** A permit if one is free now. */
  tryAcquire(): ReleasePermit | undefined {
    return this.#inUse < this.#limit ? this.#grant() : undefined;
  }

  #grant(): ReleasePermit {
    this.#inUse++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#inUse--;
      const [next] = this.#queue;
      if (next !== undefined) {
        this.#queue.delete(next);
        next.grant(this.#grant());
      }
    };
  }
}
