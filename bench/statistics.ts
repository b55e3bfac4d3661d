/** From samples to figures. */
import type { Network } from "./line.ts";
import type { RequestCounts } from "./request_kinds.ts";
import { isRate, type Row } from "./rows.ts";
import type { Sample } from "./sample.ts";

/** One peer in one row. */
export interface Figure {
  readonly row: string;
  readonly peer: string;
  readonly network: Network;
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly samples: number;
  /** The median is a bound: for a time at least so much, for a rate at most. */
  readonly isBound: boolean;
  /** Of the run with the median value. */
  readonly requests: RequestCounts | undefined;
  readonly cpuSeconds: number | undefined;
  readonly peakRssBytes: number | undefined;
}

/** The middle one; of two in the middle, their mean. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  if (upper === undefined) throw new RangeError("Cannot take the median of nothing");
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? upper)) / 2 : upper;
}

/** Figures of all peers in all rows, in the order of the samples; failed ones are left out. */
export function figuresOf(samples: readonly Sample[]): Figure[] {
  const groups = Map.groupBy(
    samples.filter(({ value }) => value !== undefined),
    ({ row, peer, network }) => `${network} ${row} ${peer}`,
  );
  return [...groups.values()].map(figureOf);
}

function figureOf(samples: readonly Sample[]): Figure {
  const values = samples.map(({ value = NaN }) => value);
  const middle = median(values);
  const distance = ({ value = NaN }: Sample) => Math.abs(value - middle);
  const typical = samples.reduce((best, sample) =>
    distance(sample) < distance(best) ? sample : best
  );
  return {
    row: typical.row,
    peer: typical.peer,
    network: typical.network,
    median: middle,
    least: Math.min(...values),
    most: Math.max(...values),
    samples: samples.length,
    isBound: typical.isBound ?? false,
    requests: typical.requests,
    cpuSeconds: typical.cpuSeconds,
    peakRssBytes: typical.peakRssBytes,
  };
}

export interface Comparison {
  /** The best of the others. */
  readonly best: Figure;
  /** So many times better is ours; above 1 is ahead. */
  readonly ratio: number;
}

/** Ours against the best of the others in the same row; undefined without others. */
export function compare(row: Row, ours: Figure, others: readonly Figure[]): Comparison | undefined {
  const better = isRate(row.unit)
    ? (a: Figure, b: Figure) => a.median > b.median
    : (a: Figure, b: Figure) => a.median < b.median;
  const [first, ...rest] = others;
  if (first === undefined) return undefined;
  const best = rest.reduce((best, figure) => better(figure, best) ? figure : best, first);
  const ratio = isRate(row.unit) ? ours.median / best.median : best.median / ours.median;
  return { best, ratio };
}
