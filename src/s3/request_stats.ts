/** Counters of one mount's requests: every request that was sent, repeats included. */
import type { Clock } from "../base/clock.ts";

export type RequestKind = "get" | "put" | "list" | "head" | "copy" | "delete" | "other";

export interface RequestStatsSnapshot extends Readonly<Record<RequestKind, number>> {
  /** Requests without a usable answer: no answer, 5xx, or refused (4xx but 404, 409, 412, 416). */
  readonly errors: number;
  /** Requests that were sent because an earlier one failed; counted in their kind as well. */
  readonly retries: number;
  /** Of bodies. */
  readonly bytesDownloaded: number;
  readonly bytesUploaded: number;
  /** When the endpoint last answered anything, milliseconds since the epoch. */
  readonly lastContactMs?: number;
  /** Time until the answer's headers, of the last 1024 requests; absent before the first one. */
  readonly latencyMsP50?: number;
  readonly latencyMsP99?: number;
}

export const NO_REQUESTS: Readonly<Record<RequestKind, number>> = {
  get: 0,
  put: 0,
  list: 0,
  head: 0,
  copy: 0,
  delete: 0,
  other: 0,
};

/** Enough for a steady p99; sorted only when someone looks. */
const LATENCIES_KEPT = 1024;

export class RequestStats {
  readonly #clock: Clock;
  readonly #counts: Record<RequestKind, number> = { ...NO_REQUESTS };
  #errors = 0;
  #retries = 0;
  #bytesDownloaded = 0;
  #bytesUploaded = 0;
  #lastContactMs: number | undefined;
  #lastContactMonotonicMs: number | undefined;
  readonly #latencies = new Float64Array(LATENCIES_KEPT);
  #latencyCount = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A request was sent. */
  sent(kind: RequestKind): void {
    this.#counts[kind]++;
  }

  /** Headers came, `latencyMs` after the request. */
  answered(latencyMs: number): void {
    this.#lastContactMs = this.#clock.nowMs();
    this.#lastContactMonotonicMs = this.#clock.monotonicMs();
    this.#latencies[this.#latencyCount++ % LATENCIES_KEPT] = latencyMs;
  }

  failed(): void {
    this.#errors++;
  }

  retried(): void {
    this.#retries++;
  }

  downloaded(bytes: number): void {
    this.#bytesDownloaded += bytes;
  }

  uploaded(bytes: number): void {
    this.#bytesUploaded += bytes;
  }

  /** How long ago the endpoint answered; Infinity before the first answer. */
  sinceContactMs(): number {
    if (this.#lastContactMonotonicMs === undefined) return Infinity;
    return this.#clock.monotonicMs() - this.#lastContactMonotonicMs;
  }

  snapshot(): RequestStatsSnapshot {
    const known = this.#latencies.slice(0, Math.min(this.#latencyCount, LATENCIES_KEPT)).sort();
    const quantile = (share: number) => known[Math.floor(share * (known.length - 1))]!;
    return {
      ...this.#counts,
      errors: this.#errors,
      retries: this.#retries,
      bytesDownloaded: this.#bytesDownloaded,
      bytesUploaded: this.#bytesUploaded,
      ...(this.#lastContactMs === undefined ? {} : { lastContactMs: this.#lastContactMs }),
      ...(known.length === 0 ? {} : { latencyMsP50: quantile(0.5), latencyMsP99: quantile(0.99) }),
    };
  }
}
