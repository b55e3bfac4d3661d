/** Keeps the index on disk close behind the one in memory, in the background and in small steps. */
import { type Clock, nextTurn } from "../../base/clock.ts";
import type { DiskGuard } from "./guard.ts";
import type { DiskIndex } from "./index.ts";

/** How long the index may be behind. */
const FLUSH_MS = 1000;

export class DiskFlusher {
  readonly #index: DiskIndex;
  readonly #guard: DiskGuard;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #running = false;

  constructor(index: DiskIndex, guard: DiskGuard, clock: Clock) {
    this.#index = index;
    this.#guard = guard;
    this.#clock = clock;
  }

  /** To be called when something was used or has changed. */
  soon(): void {
    if (this.#running || this.#guard.isBroken || this.#closing.signal.aborted) return;
    this.#running = true;
    void this.#run().finally(() => this.#running = false);
  }

  /** Nothing is flushed any more. */
  stop(): void {
    this.#closing.abort(new Error("The disk cache is closed"));
  }

  /** False when that was not possible, and may be later. */
  #flush(): boolean {
    return this.#guard.run(false, () => this.#index.flush());
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#closing;
    do {
      await this.#clock.sleep(FLUSH_MS, signal).catch(() => {});
      let goesOn = true;
      while (goesOn && this.#index.hasChanges && !signal.aborted) {
        goesOn = this.#flush();
        await nextTurn();
      }
      if (goesOn && !signal.aborted) this.#flush();
    } while (!signal.aborted && !this.#guard.isBroken && this.#index.isBehind);
  }
}
