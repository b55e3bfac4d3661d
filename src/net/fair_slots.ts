/**
 * Slots shared by several holders (mounts), so that none can take them all.
 *
 * Half of the slots, divided evenly, is reserved: a holder may take a slot only while enough remain
 * for the unused reserves of the others. So a lone busy mount uses most of the limit, and a mount
 * that was idle still gets its first requests through at once. Waiting requests are served in order
 * of arrival within a holder and in turn between holders.
 */

/** Gives the slot back; further calls do nothing. */
export type ReleaseSlot = () => void;

interface Waiter {
  readonly grant: (release: ReleaseSlot) => void;
}

export class FairSlots {
  readonly #limit: number;
  /** In the order in which they are served next. */
  #shares: SlotShare[] = [];
  #inUse = 0;

  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 1) {
      throw new RangeError(`Cannot create slots: the limit must be at least 1: ${limit}`);
    }
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** A new holder; `leave()` ends it. */
  join(): SlotShare {
    const share: SlotShare = new SlotShare({
      mayTake: () => this.#mayTake(share),
      changed: (delta) => {
        this.#inUse += delta;
        if (delta < 0) this.#serve();
      },
      leave: () => {
        this.#shares = this.#shares.filter((other) => other !== share);
        this.#serve();
      },
    });
    this.#shares.push(share);
    return share;
  }

  /** Slots of each holder that the others leave free; none when there are more holders than slots. */
  #reserve(): number {
    const count = this.#shares.length;
    return this.#limit < count ? 0 : Math.max(1, Math.floor(this.#limit / (2 * count)));
  }

  #mayTake(share: SlotShare): boolean {
    const reserve = this.#reserve();
    let keep = 0;
    for (const other of this.#shares) {
      if (other !== share) keep += Math.max(0, reserve - other.inUse);
    }
    return this.#limit - this.#inUse > keep;
  }

  #serve(): void {
    for (let granted = true; granted;) {
      granted = false;
      for (const share of [...this.#shares]) {
        if (share.waiting === 0 || !this.#mayTake(share)) continue;
        this.#shares = [...this.#shares.filter((other) => other !== share), share];
        share._grantNext();
        granted = true;
      }
    }
  }
}

interface Owner {
  readonly mayTake: () => boolean;
  readonly changed: (delta: 1 | -1) => void;
  readonly leave: () => void;
}

/** One holder's door to the slots. */
export class SlotShare {
  readonly #owner: Owner;
  readonly #queue = new Set<Waiter>();
  #inUse = 0;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Waits for a slot; rejects with the signal's reason when it fires first. */
  acquire(signal: AbortSignal): Promise<ReleaseSlot> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#queue.size === 0 && this.#owner.mayTake()) return Promise.resolve(this.#take());
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

  /** Ends the holder's reserve. Slots still out are given back as usual. */
  leave(): void {
    this.#owner.leave();
  }

  /** Called by `FairSlots` when the next in the queue may go. */
  _grantNext(): void {
    const [next] = this.#queue;
    if (next === undefined) return;
    this.#queue.delete(next);
    next.grant(this.#take());
  }

  #take(): ReleaseSlot {
    this.#inUse++;
    this.#owner.changed(1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#inUse--;
      this.#owner.changed(-1);
    };
  }
}
