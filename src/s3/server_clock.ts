/**
 * The time as the endpoint has it, learned from the dates of its answers: it refuses signatures made at
 * another time than its own (RequestTimeTooSkewed, from 15 minutes), and says when credentials expire by
 * it. So a machine whose clock is wrong, or was set while it slept, works all the same.
 */
import type { Clock } from "../base/clock.ts";

/** Dates have whole seconds and travel for a while: less than this is no difference. */
const TOLERANCE_MS = 60_000;

export class ServerClock implements Clock {
  readonly #clock: Clock;
  #skewMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The endpoint's time minus this machine's, in milliseconds; 0 when they agree. */
  get skewMs(): number {
    return this.#skewMs;
  }

  /** The endpoint has sent an answer with this `Date` header. */
  heard(date: string | null): void {
    if (date === null) return;
    const skewMs = Date.parse(date) - this.#clock.nowMs();
    if (Number.isNaN(skewMs) || Math.abs(skewMs - this.#skewMs) < TOLERANCE_MS) return;
    this.#skewMs = Math.abs(skewMs) < TOLERANCE_MS ? 0 : skewMs;
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#skewMs;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms, signal);
  }
}
