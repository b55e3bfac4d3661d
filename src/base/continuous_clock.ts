/**
 * A clock whose monotonic time goes on while the system sleeps: for what is true for some time only, such
 * as a listing. No system call tells that everywhere, so sleep is what the wall clock says
 * (clock_jumps.ts): a clock that is set forward makes things old too, one that is set back changes nothing.
 *
 * `sleep` is not for deadlines over sleep: it waits in time awake, as the system's timers do.
 */
import type { Clock } from "./clock.ts";
import { ClockJumps } from "./clock_jumps.ts";

export class ContinuousClock implements Clock {
  readonly #clock: Clock;
  readonly #jumps: ClockJumps;
  #sleptMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#jumps = new ClockJumps(clock);
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  monotonicMs(): number {
    this.#sleptMs += Math.max(0, this.#jumps.look());
    return this.#clock.monotonicMs() + this.#sleptMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }
}
