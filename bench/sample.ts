/** One measurement. */
import type { Network } from "./line.ts";
import type { RequestCounts } from "./request_kinds.ts";

export interface Sample {
  readonly row: string;
  readonly peer: string;
  readonly network: Network;
  readonly round: number;
  /** In the row's unit; absent when it failed. */
  readonly value?: number;
  /** The limit came first: the value is a bound, reached at best. */
  readonly isBound?: boolean;
  readonly requests?: RequestCounts;
  readonly cpuSeconds?: number;
  readonly peakRssBytes?: number;
  readonly error?: string;
}
