import assert from "node:assert/strict";
import { MemoryBudget, type Reservation } from "./memory_budget.ts";

const never = new AbortController().signal;

Deno.test("MemoryBudget never gives out more than its limit", async () => {
  const budget = new MemoryBudget(100);
  const first = await budget.reserve(60, never);
  assert.equal(budget.tryReserve(50), undefined);
  const waiting = budget.reserve(50, never);
  assert.equal(budget.usedBytes, 60);
  first.release();
  first.release();
  assert.equal((await waiting).bytes, 50);
  assert.equal(budget.usedBytes, 50);
});

Deno.test("MemoryBudget asks its reclaimers before anyone has to wait", () => {
  const budget = new MemoryBudget(100);
  let cached: Reservation | undefined = budget.tryReserve(80);
  budget.addReclaimer(() => {
    cached?.release();
    cached = undefined;
  });
  assert.notEqual(budget.tryReserve(90), undefined);
  assert.equal(budget.usedBytes, 90);
});

Deno.test("MemoryBudget serves waiters first, in order, and none of them is overtaken", async () => {
  const budget = new MemoryBudget(100);
  const first = await budget.reserve(100, never);
  const order: number[] = [];
  const large = budget.reserve(80, never).then((r) => (order.push(80), r));
  const small = budget.reserve(10, never).then((r) => (order.push(10), r));
  assert.equal(budget.tryReserve(1), undefined);
  first.release();
  await Promise.all([large, small]);
  assert.deepEqual(order, [80, 10]);
});

Deno.test("MemoryBudget hands memory on when a waiter gives up", async () => {
  const budget = new MemoryBudget(100);
  const held = await budget.reserve(50, never);
  const abort = new AbortController();
  const large = budget.reserve(100, abort.signal);
  const small = budget.reserve(50, never);
  abort.abort(new Error("enough"));
  await assert.rejects(large, /enough/);
  assert.equal((await small).bytes, 50);
  held.release();
});

Deno.test("MemoryBudget serves waiters when cached data becomes reclaimable", async () => {
  const budget = new MemoryBudget(100);
  const held = await budget.reserve(100, never);
  let reclaimable = false;
  budget.addReclaimer(() => reclaimable && held.release());
  const waiting = budget.reserve(10, never);
  reclaimable = true;
  budget.serveWaiters();
  assert.equal((await waiting).bytes, 10);
});

Deno.test("MemoryBudget refuses what can never fit", async () => {
  await assert.rejects(new MemoryBudget(10).reserve(11, never), RangeError);
});

Deno.test("MemoryBudget goes by another limit: more serves who waits, less reclaims and refuses", async () => {
  const budget = new MemoryBudget(100);
  const held = await budget.reserve(60, never);
  const waiting = budget.reserve(70, never);
  budget.setLimit(130);
  const second = await waiting;
  const refused = assert.rejects(budget.reserve(120, never), /memory_limit is 100 bytes/);
  budget.addReclaimer(() => second.release());
  budget.setLimit(100);
  await refused;
  assert.equal(budget.usedBytes, 60);
  assert.equal(budget.tryReserve(50), undefined);
  held.release();
  assert.notEqual(budget.tryReserve(100), undefined);
});
