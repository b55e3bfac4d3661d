import { type Clock, giveWay } from "../base/clock.ts";

/** Tells for how long the event loop has not had its turn. */
export class LoopTurn {
  static readonly #ofClocks = new WeakMap<Clock, LoopTurn>();
  readonly #clock: Clock;
  #sinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The one of all who share the thread: it is one loop, however many mounts it serves. */
  static of(clock: Clock): LoopTurn {
    let turn = LoopTurn.#ofClocks.get(clock);
    if (turn === undefined) LoopTurn.#ofClocks.set(clock, turn = new LoopTurn(clock));
    return turn;
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
