import assert from "node:assert/strict";
import { renderChart } from "../../bench/chart.ts";
import { renderReport, renderTable, showNumber } from "../../bench/report.ts";
import { noRequests } from "../../bench/request_kinds.ts";
import type { Sample } from "../../bench/sample.ts";
import { FULL } from "../../bench/sizes.ts";
import { figuresOf } from "../../bench/statistics.ts";

const SAMPLES: readonly Sample[] = [
  ...[200, 300, 400].map((value, round): Sample => ({
    row: "read",
    peer: "other",
    network: "far",
    round,
    value,
  })),
  {
    row: "read",
    peer: "cloudmount",
    network: "far",
    round: 0,
    value: 600,
    requests: { ...noRequests(), get: 129, list: 2 },
    cpuSeconds: 1.5,
    peakRssBytes: 300 * 2 ** 20,
  },
  { row: "ls", peer: "cloudmount", network: "far", round: 0, value: 1.25 },
  { row: "ls", peer: "other", network: "far", round: 0, value: 60, isBound: true },
];

Deno.test("renderTable pads the cells", () => {
  assert.deepEqual(renderTable(["", "a"], [["row", "1"], ["longer", "2"]]), [
    "|        | a   |",
    "| ------ | --- |",
    "| row    | 1   |",
    "| longer | 2   |",
  ]);
});

Deno.test("showNumber shows three digits", () => {
  assert.deepEqual([0.0123, 1.2345, 12.345, 123.45, 12345].map(showNumber), [
    "0.012",
    "1.23",
    "12.3",
    "123",
    "12,345",
  ]);
});

Deno.test("renderReport shows figures with extremes and bounds, ratio, goal, requests and usage", () => {
  const report = renderReport({
    machine: ["2 cores"],
    figures: figuresOf(SAMPLES),
    sizes: FULL,
    rounds: 3,
  });
  const lines = report.split("\n").map((line) => line.replace(/ +/g, " "));
  assert.equal(lines[0], "- 2 cores");
  assert.ok(!report.includes("## near"));
  const rows = lines.filter((line) => line.startsWith("| sequential read"));
  assert.deepEqual(rows, [
    "| sequential read, 1 GiB, cold | 600 MB/s | 300 MB/s (200-400) | 2.00 (other) | 1.3 |",
    "| sequential read, 1 GiB, cold | 131 (129 get, 2 list) | - | 129 |",
    "| sequential read, 1 GiB, cold | 1.50 s, 300 MiB | - |",
  ]);
  const list = lines.find((line) => line.startsWith("| ls -l"));
  assert.equal(
    list,
    "| ls -l of 10,000 objects, cold | 1.25 s | > 60.0 s | > 48.0 (other) | 1 |",
  );
});

Deno.test("renderChart draws a bar for each comparison", () => {
  const chart = renderChart(figuresOf(SAMPLES), FULL);
  assert.ok(chart.startsWith("<svg"));
  assert.equal(chart.match(/<rect /g)?.length, 1 + 2);
  assert.ok(chart.includes("2.00 other"));
  // A ratio of 2 is a twelfth of the scale, which goes from 1/64 to 64.
  assert.ok(chart.includes('width="40.0"'));
});
