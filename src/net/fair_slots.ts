/**
 * Slots shared by several holders (mounts), so that none can take them all.
 *
 * Half of the slots, divided evenly, is reserved for holders: one may take a slot only while enough
 * remain for the unused reserves of the others. So a lone busy mount uses most of the limit, and a
 * mount that was idle still gets its first requests through at once. An eighth is reserved for small
 * requests: bulk data leave it free, so that a listing does not wait until megabytes have come.
 */
import { type FairLine, FairQueue, type Kind } from "./fair_queue.ts";

/** Gives the slot back; further calls do nothing. */
export type ReleaseSlot = () => void;

type Grant = (release: ReleaseSlot) => void;

export class FairSlots {
  #limit: number;
  readonly #queue = new FairQueue<Grant>();
  readonly #shares = new Map<FairLine<Grant>, SlotShare>();
  #inUse = 0;
  #smallInUse = 0;

  constructor(limit: number) {
    this.#limit = checked(limit);
  }

  /** Another limit from now on; slots that are out beyond a lower one are not called back. */
  setLimit(limit: number): void {
    this.#limit = checked(limit);
    this.#serve();
  }

  get limit(): number {
    return this.#limit;
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** A new holder; `leave()` ends it. */
  join(): SlotShare {
    const line = this.#queue.join();
    const share: SlotShare = new SlotShare(line, {
      mayTake: (kind) => this.#mayTake(share, kind),
      changed: (kind, delta) => {
        this.#inUse += delta;
        if (kind === "small") this.#smallInUse += delta;
        if (delta < 0) this.#serve();
      },
      leave: () => {
        this.#queue.leave(line);
        this.#shares.delete(line);
        this.#serve();
      },
    });
    this.#shares.set(line, share);
    return share;
  }

  /** Slots of each holder that the others leave free; none when there are more holders than slots. */
  #reserve(): number {
    const count = this.#shares.size;
    return this.#limit < count ? 0 : Math.max(1, Math.floor(this.#limit / (2 * count)));
  }

  /** Slots that bulk data leave free; none where all are reserved for holders. */
  #smallReserve(): number {
    const unreserved = this.#limit - this.#shares.size * this.#reserve();
    return Math.min(Math.ceil(this.#limit / 8), unreserved, this.#limit - 1);
  }

  #mayTake(share: SlotShare, kind: Kind): boolean {
    const reserve = this.#reserve();
    let keep = kind === "small" ? 0 : Math.max(0, this.#smallReserve() - this.#smallInUse);
    for (const other of this.#shares.values()) {
      if (other !== share) keep += Math.max(0, reserve - other.inUse);
    }
    return this.#limit - this.#inUse > keep;
  }

  #serve(): void {
    for (;;) {
      let share: SlotShare | undefined;
      let kind: Kind = "small";
      const grant = this.#queue.next((line, of) => {
        share = this.#shares.get(line)!;
        kind = of;
        return this.#mayTake(share, of);
      });
      if (grant === undefined) return;
      grant(share!._take(kind));
    }
  }
}

function checked(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1) return limit;
  throw new RangeError(`Cannot create slots: the limit must be at least 1: ${limit}`);
}

interface Owner {
  readonly mayTake: (kind: Kind) => boolean;
  readonly changed: (kind: Kind, delta: 1 | -1) => void;
  readonly leave: () => void;
}

/** One holder's door to the slots. */
export class SlotShare {
  readonly #line: FairLine<Grant>;
  readonly #owner: Owner;
  #inUse = 0;

  constructor(line: FairLine<Grant>, owner: Owner) {
    this.#line = line;
    this.#owner = owner;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#line.count("small") + this.#line.count("bulk");
  }

  /** Waits for a slot; rejects with the signal's reason when it fires first. */
  acquire(kind: Kind, signal: AbortSignal): ReleaseSlot | Promise<ReleaseSlot> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#line.count(kind) === 0 && this.#owner.mayTake(kind)) return this._take(kind);
    return new Promise((resolve, reject) => {
      const grant: Grant = (release) => {
        signal.removeEventListener("abort", onAbort);
        resolve(release);
      };
      const onAbort = () => {
        this.#line.remove(kind, grant);
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#line.add(kind, grant);
    });
  }

  /** Ends the holder's reserve. Slots still out are given back as usual. */
  leave(): void {
    this.#owner.leave();
  }

  /** Called when a slot may be taken. */
  _take(kind: Kind): ReleaseSlot {
    this.#inUse++;
    this.#owner.changed(kind, 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#inUse--;
      this.#owner.changed(kind, -1);
    };
  }
}
