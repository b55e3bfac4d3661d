/** One byte budget for everything of the process that buffers file data: reserve first, allocate then. */

/** Bytes held; `release()` gives them back once, further calls do nothing. */
export interface Reservation {
  readonly bytes: number;
  release(): void;
}

interface Waiter {
  readonly bytes: number;
  readonly grant: () => void;
  readonly refuse: (reason: Error) => void;
}

/**
 * The budget. Caches register a reclaimer, which is asked to give memory back before anyone waits.
 * Invariant: the bytes out never exceed `limitBytes`, but for those that were out when it was lowered.
 */
export class MemoryBudget {
  #limitBytes: number;
  #usedBytes = 0;
  readonly #queue: Waiter[] = [];
  readonly #reclaimers: ((bytes: number) => void)[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Another limit from now on. What is out beyond a lower one is reclaimed as far as that goes at once. */
  setLimit(bytes: number): void {
    this.#limitBytes = bytes;
    const tooMany = this.#usedBytes - bytes;
    if (tooMany > 0) { for (const reclaim of this.#reclaimers) reclaim(tooMany); }
    for (const waiter of this.#queue.filter((waiter) => waiter.bytes > bytes)) {
      this.#queue.splice(this.#queue.indexOf(waiter), 1);
      waiter.refuse(this.#tooMuch(waiter.bytes));
    }
    this.#serveQueue();
  }

  /** `reclaim(bytes)` drops cached data until about that much was released, or it has no more. */
  addReclaimer(reclaim: (bytes: number) => void): void {
    this.#reclaimers.push(reclaim);
  }

  /** Reserves now, or returns undefined. Waiters come first, so that nobody starves. */
  tryReserve(bytes: number): Reservation | undefined {
    if (this.#queue.length > 0) return undefined;
    return this.#reserveNow(bytes);
  }

  /**
   * Waits until `bytes` are free; rejects with the signal's reason when it fires first, and with a
   * RangeError when the whole budget is smaller.
   */
  reserve(bytes: number, signal: AbortSignal): Promise<Reservation> {
    if (bytes > this.#limitBytes) {
      return Promise.reject(this.#tooMuch(bytes));
    }
    if (signal.aborted) return Promise.reject(signal.reason);
    const now = this.tryReserve(bytes);
    if (now !== undefined) return Promise.resolve(now);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        grant: () => {
          signal.removeEventListener("abort", onAbort);
          resolve(this.#take(bytes));
        },
        refuse: (reason) => {
          signal.removeEventListener("abort", onAbort);
          reject(reason);
        },
      };
      const onAbort = () => {
        const index = this.#queue.indexOf(waiter);
        if (index >= 0) this.#queue.splice(index, 1);
        this.#serveQueue();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#queue.push(waiter);
      this.#serveQueue();
    });
  }

  /** To be called when data has become reclaimable: whoever waits for memory may have it now. */
  serveWaiters(): void {
    if (this.#queue.length > 0) this.#serveQueue();
  }

  #tooMuch(bytes: number): RangeError {
    return new RangeError(
      `Cannot reserve ${bytes} bytes: memory_limit is ${this.#limitBytes} bytes`,
    );
  }

  #reserveNow(bytes: number): Reservation | undefined {
    const missing = this.#usedBytes + bytes - this.#limitBytes;
    if (missing > 0) { for (const reclaim of this.#reclaimers) reclaim(missing); }
    return this.#usedBytes + bytes <= this.#limitBytes ? this.#take(bytes) : undefined;
  }

  #take(bytes: number): Reservation {
    this.#usedBytes += bytes;
    let held = true;
    return {
      bytes,
      release: () => {
        if (!held) return;
        held = false;
        this.#usedBytes -= bytes;
        this.#serveQueue();
      },
    };
  }

  #serving = false;

  // A reclaimer releases reservations, which would come back here: the flag keeps it to one loop.
  #serveQueue(): void {
    if (this.#serving) return;
    this.#serving = true;
    try {
      for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
        const missing = this.#usedBytes + next.bytes - this.#limitBytes;
        if (missing > 0) { for (const reclaim of this.#reclaimers) reclaim(missing); }
        if (this.#usedBytes + next.bytes > this.#limitBytes) return;
        this.#queue.shift();
        next.grant();
      }
    } finally {
      this.#serving = false;
    }
  }
}
