/** The results as Markdown. */
import type { Network } from "./line.ts";
import { describe, total } from "./request_kinds.ts";
import { type Row, ROWS, type Unit } from "./rows.ts";
import type { Sizes } from "./sizes.ts";
import { compare, type Figure } from "./statistics.ts";

export const OURS = "cloudmount";

export interface Results {
  readonly machine: readonly string[];
  readonly figures: readonly Figure[];
  readonly sizes: Sizes;
  readonly rounds: number;
}

/** A table for each network: figures, requests, CPU time and memory. */
export function renderReport(results: Results): string {
  const networks = (["near", "far"] as const).filter((network) =>
    results.figures.some((figure) => figure.network === network)
  );
  return [
    ...results.machine.map((line) => `- ${line}`),
    `- Medians of ${results.rounds} rounds, in parentheses the extremes; cold caches; the programs take turns.`,
    "- Ratio: Cloudmount to the best of the others, above 1 is ahead.",
    "",
    ...networks.flatMap((network) => [`## ${network}`, "", ...renderNetwork(results, network)]),
  ].join("\n");
}

function renderNetwork({ figures, sizes }: Results, network: Network): string[] {
  const here = figures.filter((figure) => figure.network === network);
  const peers = peersOf(here);
  const rows = ROWS.filter(({ id }) => here.some(({ row }) => row === id));
  const find = (row: Row, peer: string) =>
    here.find((figure) => figure.row === row.id && figure.peer === peer);
  const table = (head: readonly string[], cells: (row: Row) => readonly string[]) =>
    renderTable(["", ...head], rows.map((row) => [row.title(sizes), ...cells(row)]));
  return [
    ...table([...peers, "ratio", "goal"], (row) => [
      ...peers.map((peer) => showFigure(row.unit, find(row, peer))),
      showRatio(row, here),
      row.goal?.[network] === undefined ? "" : `${row.goal[network]}`,
    ]),
    "",
    "S3 requests:",
    "",
    ...table([...peers, "needed"], (row) => [
      ...peers.map((peer) => showRequests(find(row, peer))),
      row.minimum === undefined ? "" : `${row.minimum(sizes)}`,
    ]),
    "",
    "CPU seconds and peak memory of the mount's processes:",
    "",
    ...table(peers, (row) => peers.map((peer) => showUsage(find(row, peer)))),
    "",
  ];
}

/** Ours first. */
export function peersOf(figures: readonly Figure[]): string[] {
  const names = [...new Set(figures.map(({ peer }) => peer))];
  return names.sort((a, b) => Number(b === OURS) - Number(a === OURS));
}

/** Cells are padded, so that the text is readable too. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const widths = head.map((cell, index) =>
    Math.max(3, cell.length, ...rows.map((row) => (row[index] ?? "").length))
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`]
    .concat(rows.map(line));
}

function showFigure(unit: Unit, figure: Figure | undefined): string {
  if (figure === undefined) return "-";
  const { median, least, most, isBound } = figure;
  const bound = isBound ? (unit === "MB/s" || unit === "/s" ? "< " : "> ") : "";
  const middle = `${bound}${showNumber(median)} ${unit}`.replace(" /s", "/s");
  return figure.samples === 1 ? middle : `${middle} (${showNumber(least)}-${showNumber(most)})`;
}

/** Three digits that count. */
export function showNumber(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en-US");
  if (value >= 10) return value.toFixed(1);
  return value.toFixed(value >= 1 ? 2 : 3);
}

function showRatio(row: Row, here: readonly Figure[]): string {
  const figures = here.filter((figure) => figure.row === row.id);
  const ours = figures.find(({ peer }) => peer === OURS);
  const others = figures.filter(({ peer }) => peer !== OURS);
  const comparison = ours === undefined ? undefined : compare(row, ours, others);
  if (comparison === undefined) return "";
  const { ratio, best } = comparison;
  return `${best.isBound ? "> " : ""}${showNumber(ratio)} (${best.peer})`;
}

function showRequests(figure: Figure | undefined): string {
  if (figure?.requests === undefined) return "-";
  return total(figure.requests) === 0 ? "0" : describe(figure.requests);
}

function showUsage(figure: Figure | undefined): string {
  if (figure?.cpuSeconds === undefined || figure.peakRssBytes === undefined) return "-";
  return `${figure.cpuSeconds.toFixed(2)} s, ${Math.round(figure.peakRssBytes / 2 ** 20)} MiB`;
}
