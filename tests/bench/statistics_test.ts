import assert from "node:assert/strict";
import { noRequests } from "../../bench/request_kinds.ts";
import { rowOf } from "../../bench/rows.ts";
import type { Sample } from "../../bench/sample.ts";
import { compare, type Figure, figuresOf, median } from "../../bench/statistics.ts";
import { rotate } from "../../bench/runner.ts";
import { valueOf } from "../../bench/stage.ts";

function sample(peer: string, value: number | undefined, more: Partial<Sample> = {}): Sample {
  const base = { row: "read", peer, network: "near", round: 0, ...more } as const;
  return value === undefined ? { ...base, error: "Cannot mount" } : { ...base, value };
}

function figure(peer: string, value: number, row = "read"): Figure {
  return figuresOf([sample(peer, value, { row })])[0]!;
}

Deno.test("median takes the middle one, and the mean of two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.throws(() => median([]), RangeError);
});

Deno.test("figuresOf makes one figure of each peer's samples, and leaves failures out", () => {
  const requests = { ...noRequests(), get: 7 };
  const figures = figuresOf([
    sample("a", 10),
    sample("b", 5),
    sample("a", 30),
    sample("a", 21, { requests, cpuSeconds: 2 }),
    sample("c", undefined),
    sample("a", 1, { network: "far" }),
  ]);
  assert.deepEqual(figures.map(({ network, peer }) => `${network} ${peer}`), [
    "near a",
    "near b",
    "far a",
  ]);
  const [first] = figures;
  assert.deepEqual(
    { median: first?.median, least: first?.least, most: first?.most, samples: first?.samples },
    { median: 21, least: 10, most: 30, samples: 3 },
  );
  // Requests and CPU time are those of the run that the median is of.
  assert.deepEqual([first?.requests, first?.cpuSeconds], [requests, 2]);
});

Deno.test("compare is above 1 when ours is ahead: more for rates, less for times", () => {
  const rate = compare(rowOf("read"), figure("ours", 300), [figure("a", 100), figure("b", 200)]);
  assert.deepEqual([rate?.ratio, rate?.best.peer], [1.5, "b"]);
  const time = compare(rowOf("ls"), figure("ours", 2), [figure("a", 8), figure("b", 16)]);
  assert.deepEqual([time?.ratio, time?.best.peer], [4, "a"]);
  assert.equal(compare(rowOf("ls"), figure("ours", 2), []), undefined);
});

Deno.test("valueOf gives the rate so far of what was cut off, and a bound where that is unknown", () => {
  const cut = { seconds: 10, done: 50, total: 100, cut: true };
  const nothing = { seconds: 10, done: 0, total: 1, cut: true };
  assert.deepEqual(valueOf("/s", cut), { value: 5, isBound: false });
  assert.deepEqual(valueOf("MB/s", { ...cut, done: 50e6 }), { value: 5, isBound: false });
  assert.deepEqual(valueOf("/s", nothing, 500), { value: 50, isBound: true });
  assert.deepEqual(valueOf("s", nothing), { value: 10, isBound: true });
  const whole = { seconds: 0.5, done: 1, total: 1, cut: false };
  assert.deepEqual(valueOf("ms", whole), { value: 500, isBound: false });
  assert.deepEqual(valueOf("/s", whole, 500), { value: 1000, isBound: false });
});

Deno.test("rotate lets another one begin in each round", () => {
  assert.deepEqual(rotate(["a", "b", "c"], 0), ["a", "b", "c"]);
  assert.deepEqual(rotate(["a", "b", "c"], 1), ["b", "c", "a"]);
  assert.deepEqual(rotate(["a", "b", "c"], 5), ["c", "a", "b"]);
  assert.deepEqual(rotate([], 3), []);
});
