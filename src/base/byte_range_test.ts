import assert from "node:assert/strict";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { RangeSet } from "./byte_range.ts";

Deno.test("RangeSet joins ranges that touch and keeps others apart", () => {
  const set = new RangeSet();
  set.add({ start: 0, end: 10 });
  set.add({ start: 20, end: 30 });
  set.add({ start: 10, end: 15 });
  assert.deepEqual(set.ranges(), [{ start: 0, end: 15 }, { start: 20, end: 30 }]);
  set.add({ start: 5, end: 25 });
  assert.deepEqual(set.ranges(), [{ start: 0, end: 30 }]);
});

Deno.test("RangeSet ignores empty ranges", () => {
  const set = new RangeSet();
  set.add({ start: 5, end: 5 });
  assert.deepEqual(set.ranges(), []);
  assert.equal(set.contains({ start: 7, end: 7 }), true);
});

Deno.test("RangeSet agrees with a bitmap after random operations", async () => {
  const size = 64;
  await withSeed((random) => {
    const set = new RangeSet();
    const bitmap = new Array<boolean>(size).fill(false);
    for (let step = 0; step < 2000; step++) {
      const start = random.below(size);
      const range = { start, end: start + random.below(size - start + 1) };
      const adds = random.next() < 0.5;
      if (adds) set.add(range);
      else set.subtract(range);
      bitmap.fill(adds, range.start, range.end);
      checkAgainst(set, bitmap, range);
    }
  });

  function checkAgainst(set: RangeSet, bitmap: boolean[], last: { start: number; end: number }) {
    const seen = new Array<boolean>(size).fill(false);
    let before = -1;
    for (const { start, end } of set.ranges()) {
      assert.ok(start > before && end > start, "sorted, disjoint, not touching, not empty");
      seen.fill(true, start, end);
      before = end;
    }
    assert.deepEqual(seen, bitmap);
    assert.equal(set.size(), bitmap.filter(Boolean).length);
    for (const probe of [last, { start: 0, end: size }, { start: last.start, end: size }]) {
      const part = bitmap.slice(probe.start, probe.end);
      assert.equal(set.contains(probe), part.every(Boolean));
      const holes = new Array<boolean>(size).fill(true);
      for (const hole of set.holes(probe)) holes.fill(false, hole.start, hole.end);
      assert.deepEqual(holes.slice(probe.start, probe.end), part);
    }
  }
});
