import { type Clock, giveWay } from "../base/clock.ts";

/** How long requests may keep the event loop from its turn: what else waits, waits for several turns. */
const LONG_MS = 2;

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

  /** Whether what else waits is to have its turn before more requests are taken. */
  isLong(): boolean {
    return this.elapsedMs() > LONG_MS;
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
