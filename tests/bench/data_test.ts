import assert from "node:assert/strict";
import { distinctBodies, names } from "../../bench/data.ts";

Deno.test("distinctBodies gives no two objects the same bytes, and so no two the same ETag", () => {
  const next = distinctBodies(100);
  const bodies = Array.from({ length: 300 }, () => next());
  assert.ok(bodies.every(({ length }) => length === 100));
  assert.equal(new Set(bodies.map((body) => body.toHex())).size, 300);
});

Deno.test("names sort in their order", () => {
  const list = names("many", 1200);
  assert.deepEqual([list[0], list.at(-1)], ["many/000000", "many/001199"]);
  assert.deepEqual([...list].sort(), list);
});
