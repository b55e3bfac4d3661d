import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { type ByteRange, rangeSize } from "../base/byte_range.ts";
import { COPY_BYTES_MAX, OBJECT_BYTES_MAX, type PlannedPart, planParts } from "./part_plan.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** What S3 demands, and that copied bytes are unchanged ones. */
function check(parts: readonly PlannedPart[], size: number, unchanged: readonly ByteRange[]): void {
  assert.ok(parts.length <= 10_000, `${parts.length} parts`);
  let end = 0;
  for (const { range, from } of parts) {
    assert.equal(range.start, end);
    assert.ok(Number.isInteger(range.end));
    end = range.end;
    if (end < size) assert.ok(rangeSize(range) >= 5 * MIB, `${rangeSize(range)} bytes`);
    if (from === "data") continue;
    assert.ok(rangeSize(range) <= COPY_BYTES_MAX);
    assert.ok(unchanged.some((other) => other.start <= range.start && range.end <= other.end));
  }
  assert.equal(end, size);
}

function bytesOf(parts: readonly PlannedPart[], from: "data" | "copy"): number {
  return parts.filter((part) => part.from === from)
    .reduce((sum, { range }) => sum + rangeSize(range), 0);
}

Deno.test("planParts keeps S3's limits for every size", () => {
  for (const size of [1, 8 * MIB, 8 * MIB + 1, 2 ** 33, 2 ** 37, 2 ** 40, OBJECT_BYTES_MAX]) {
    const parts = planParts(size);
    check(parts, size, []);
    if (parts.length > 1) assert.ok(parts[0]!.range.end >= 8 * MIB);
  }
  assert.throws(() => planParts(OBJECT_BYTES_MAX + 1), /at most 5 TiB/);
});

Deno.test("planParts sends 5 MiB for a byte changed in the middle", () => {
  const size = GIB;
  const at = 300 * MIB + 17;
  const unchanged = [{ start: 0, end: at }, { start: at + 1, end: size }];
  const parts = planParts(size, unchanged);
  check(parts, size, unchanged);
  assert.deepEqual(parts.map(({ from }) => from), ["copy", "data", "copy"]);
  assert.equal(bytesOf(parts, "data"), 5 * MIB);
});

Deno.test("planParts copies all but what was appended", () => {
  const unchanged = [{ start: 0, end: 12 * GIB }];
  const parts = planParts(12 * GIB + 100, unchanged);
  check(parts, 12 * GIB + 100, unchanged);
  assert.equal(bytesOf(parts, "data"), 100);
  assert.equal(parts.length, 4);
});

Deno.test("planParts copies what is left by a truncation", () => {
  const parts = planParts(7 * MIB, [{ start: 0, end: 100 * MIB }]);
  assert.deepEqual(parts, [{ range: { start: 0, end: 7 * MIB }, from: "copy" }]);
});

Deno.test("planParts makes data of what is too short to be copied", () => {
  const unchanged = [{ start: 0, end: 5 * MIB }, { start: 6 * MIB, end: 11 * MIB }];
  const parts = planParts(20 * MIB, unchanged);
  check(parts, 20 * MIB, unchanged);
  assert.equal(bytesOf(parts, "copy"), 0);
});

Deno.test("planParts gives short copies up where there would be too many parts", () => {
  const size = 200 * GIB;
  const unchanged = Array.from({ length: size / (16 * MIB) }, (_, i) => ({
    start: i * 16 * MIB + 1,
    end: (i + 1) * 16 * MIB,
  }));
  check(planParts(size, unchanged), size, unchanged);
});

Deno.test("planParts keeps S3's limits for any changes", async () => {
  await withSeed((random) => {
    for (let round = 0; round < 300; round++) {
      const size = 1 + random.below(round % 2 === 0 ? 60 * MIB : 40 * GIB);
      const unchanged: ByteRange[] = [];
      for (let at = 0; at < size && unchanged.length < 50;) {
        const start = at + random.below(12 * MIB);
        const end = start + 1 + random.below(round % 3 === 0 ? 8 * GIB : 20 * MIB);
        if (end > size) break;
        unchanged.push({ start, end });
        at = end + 1;
      }
      const parts = planParts(size, unchanged);
      check(parts, size, unchanged);
      const largest = Math.max(
        0,
        ...parts.filter(({ from }) => from === "data").map(({ range }) => rangeSize(range)),
      );
      assert.ok(largest <= 16 * MIB, `a part of ${largest} bytes`);
    }
  });
});
