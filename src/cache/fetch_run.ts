/** Interest in blocks that were asked for ahead of need; `release()` cancels what is still under way. */
export interface Prefetch {
  readonly firstIndex: number;
  readonly count: number;
  readonly done: boolean;
  release(): void;
}

/** Blocks on their way to the disk. */
export interface Fill extends Prefetch {
  /** Resolves when all are there, or given up. */
  readonly ended: Promise<void>;
}

/** Neighbouring blocks on their way to memory. It is aborted when nobody is interested any more. */
export class FetchRun {
  readonly firstIndex: number;
  readonly count: number;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #interest = 0;
  #done = false;
  #saves = 0;

  constructor(firstIndex: number, count: number) {
    this.firstIndex = firstIndex;
    this.count = count;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True when all blocks have arrived, or will not. */
  get done(): boolean {
    return this.#done;
  }

  /** Resolves when the run is done and what is to be saved of it is on disk, or will not be. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  hold(): void {
    this.#interest++;
  }

  /** A waiter that got its block leaves the rest of the run alone; one that gave up may end it. */
  drop(outcome: "served" | "gave up"): void {
    this.#interest--;
    if (outcome === "gave up" && this.#interest === 0 && !this.#done) {
      this.#abort.abort(new DOMException("Nobody waits for these blocks", "AbortError"));
    }
  }

  /** Holds the run until `release`. */
  prefetch(): Prefetch {
    this.hold();
    const { firstIndex, count } = this;
    const isDone = () => this.#done;
    let held = true;
    return {
      firstIndex,
      count,
      get done() {
        return isDone();
      },
      release: () => {
        if (held) this.drop("gave up");
        held = false;
      },
    };
  }

  finish(): void {
    this.#done = true;
    this.#settle();
  }

  beginSave(): void {
    this.#saves++;
  }

  endSave(): void {
    this.#saves--;
    this.#settle();
  }

  #settle(): void {
    if (this.#done && this.#saves === 0) this.#ended.resolve();
  }
}
