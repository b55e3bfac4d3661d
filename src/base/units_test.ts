import assert from "node:assert/strict";
import { formatDuration, formatSize, parseDurationMs, parseSizeBytes } from "./units.ts";

Deno.test("parseSizeBytes reads every unit and refuses what is not a size", () => {
  assert.equal(parseSizeBytes("0B"), 0);
  assert.equal(parseSizeBytes("3KB"), 3000);
  assert.equal(parseSizeBytes("3KiB"), 3072);
  assert.equal(parseSizeBytes("1.5 MiB"), 1572864);
  assert.equal(parseSizeBytes("20GiB"), 20 * 2 ** 30);
  assert.equal(parseSizeBytes("2TB"), 2e12);
  for (const bad of ["", "12", "MiB", "-1MiB", "1 mib", "1e3MiB", "9999999TiB", "1MiB/s"]) {
    assert.equal(parseSizeBytes(bad), undefined, bad);
  }
});

Deno.test("parseDurationMs reads every unit and refuses what is not a duration", () => {
  assert.equal(parseDurationMs("250ms"), 250);
  assert.equal(parseDurationMs("1.5s"), 1500);
  assert.equal(parseDurationMs("2m"), 120_000);
  assert.equal(parseDurationMs("1h"), 3_600_000);
  assert.equal(parseDurationMs("7d"), 604_800_000);
  for (const bad of ["", "60", "s", "-1s", "1 year", "constructor", "1constructor"]) {
    assert.equal(parseDurationMs(bad), undefined, bad);
  }
});

Deno.test("formatSize and formatDuration are short and exact enough", () => {
  assert.equal(formatSize(0), "0 B");
  assert.equal(formatSize(1536), "1.5 KiB");
  assert.equal(formatSize(20 * 2 ** 30), "20 GiB");
  assert.equal(formatDuration(40), "40 ms");
  assert.equal(formatDuration(1500), "1.5 s");
  assert.equal(formatDuration(185_000), "3 min");
  assert.equal(formatDuration(7_500_000), "2 h 5 min");
  assert.equal(formatDuration(90_000_000), "1 d 1 h");
});
