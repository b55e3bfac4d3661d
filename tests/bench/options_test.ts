import assert from "node:assert/strict";
import { parseOptions } from "../../bench/options.ts";
import { ROWS } from "../../bench/rows.ts";
import { SCENARIOS } from "../../bench/scenarios.ts";
import { FULL, QUICK } from "../../bench/sizes.ts";

Deno.test("parseOptions takes everything by default: all rows, all peers, both networks, 3 rounds", () => {
  const options = parseOptions([], "/p/");
  assert.deepEqual(options, {
    rows: ROWS.map(({ id }) => id),
    peers: undefined,
    networks: ["near", "far"],
    rounds: 3,
    quick: false,
    sizes: FULL,
    executable: "/p/dist/cloudmount",
    data: undefined,
    scratch: undefined,
    out: "/p/bench/results",
  });
});

Deno.test("parseOptions with --quick measures cloudmount alone, near, once, and writes nothing", () => {
  const { peers, networks, rounds, sizes, out } = parseOptions(["--quick"], "/p/");
  assert.deepEqual([peers, networks, rounds, sizes, out], [[], ["near"], 1, QUICK, undefined]);
});

Deno.test("parseOptions takes rows, peers, a network, rounds and an executable", () => {
  const options = parseOptions(
    ["--rows", "ls,find", "--peers=s3fs", "--network", "far", "--rounds", "5"]
      .concat("--executable", "/x"),
    "/p/",
  );
  const { rows, peers, networks, rounds, executable } = options;
  assert.deepEqual([rows, peers, networks, rounds, executable], [
    ["ls", "find"],
    ["s3fs"],
    ["far"],
    5,
    "/x",
  ]);
  assert.deepEqual(parseOptions(["--peers", "none"], "/p/").peers, []);
  assert.equal(parseOptions(["--limit", "30"], "/p/").sizes.limitSeconds, 30);
});

Deno.test("parseOptions has a part of the table written only where it is told to", () => {
  for (const part of [["--rows", "ls"], ["--peers", "s3fs"], ["--network", "near"]]) {
    assert.equal(parseOptions(part, "/p/").out, undefined);
    assert.equal(parseOptions([...part, "--out", "/o"], "/p/").out, "/o");
  }
});

Deno.test("parseOptions refuses what it does not know, and shows how it is used", () => {
  const wrong = [["--rows", "sl"], ["--rounds", "0"], ["--limit", "0"], ["--network", "mars"]];
  for (const args of [...wrong, ["--fast"]]) {
    assert.throws(() => parseOptions(args, "/p/"), /deno task bench/);
  }
});

Deno.test("Every row is measured by one scenario", () => {
  const measured = SCENARIOS.flatMap(({ rows }) => rows);
  assert.deepEqual([...measured].sort(), ROWS.map(({ id }) => id).sort());
});
