/**
 * Notices where the wall clock and the monotonic one part: over sleep, which only the wall clock counts,
 * and when the clock is set. It looks when it is asked, so a jump is noticed with the next look.
 */
import type { Clock } from "./clock.ts";

/** Time servers correct a clock by less than that at once; a shorter sleep harms no connection. */
const JUMP_MS_MIN = 3_000;

export class ClockJumps {
  readonly #clock: Clock;
  /** Wall time minus monotonic time at the last look. */
  #offsetMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.nowMs() - clock.monotonicMs();
  }

  /**
   * By how much the wall clock ran ahead of the monotonic one since the last look, in milliseconds;
   * negative when it was set back, 0 for what is no jump.
   */
  look(): number {
    const offsetMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const jumpMs = offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
    return Math.abs(jumpMs) < JUMP_MS_MIN ? 0 : jumpMs;
  }
}
