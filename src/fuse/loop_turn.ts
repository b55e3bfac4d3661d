import { type Clock, giveWay } from "../base/clock.ts";

/** Tells for how long the event loop has not had its turn. */
export class LoopTurn {
  readonly #clock: Clock;
  #sinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds since this was first asked in the present turn. */
  elapsedMs(): number {
    const nowMs = this.#clock.monotonicMs();
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs;
      void giveWay().then(() => this.#sinceMs = undefined);
    }
    return nowMs - this.#sinceMs;
  }
}
