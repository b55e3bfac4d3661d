import assert from "node:assert/strict";
import { FairQueue } from "./fair_queue.ts";

Deno.test("FairQueue serves mounts in turn, and within each its two kinds", () => {
  const queue = new FairQueue<string>();
  const [a, b] = [queue.join(), queue.join()];
  for (const i of [1, 2, 3]) a.add("bulk", `a-bulk-${i}`);
  for (const i of [1, 2]) a.add("small", `a-small-${i}`);
  b.add("bulk", "b-bulk-1");
  const order: string[] = [];
  for (let next = queue.next(() => true); next !== undefined; next = queue.next(() => true)) {
    order.push(next);
  }
  assert.deepEqual(order, [
    "a-small-1",
    "b-bulk-1",
    "a-bulk-1",
    "a-small-2",
    "a-bulk-2",
    "a-bulk-3",
  ]);
});

Deno.test("FairQueue passes over what may not go, and who left", () => {
  const queue = new FairQueue<string>();
  const [a, b] = [queue.join(), queue.join()];
  a.add("bulk", "a-bulk");
  a.add("small", "a-small");
  b.add("small", "b-small");
  assert.equal(queue.next((_, kind) => kind === "bulk"), "a-bulk");
  assert.equal(queue.next((line) => line === a), "a-small");
  queue.leave(b);
  assert.equal(queue.next(() => true), undefined);
  assert.equal(b.count("small"), 1);
  b.remove("small", "b-small");
  assert.equal(b.count("small"), 0);
});
