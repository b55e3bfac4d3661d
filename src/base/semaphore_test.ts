import assert from "node:assert/strict";
import { Semaphore } from "./semaphore.ts";

const never = new AbortController().signal;

Deno.test("Semaphore grants up to its limit and then in order of arrival", async () => {
  const semaphore = new Semaphore(2);
  const first = await semaphore.acquire(never);
  await semaphore.acquire(never);
  const order: string[] = [];
  const third = semaphore.acquire(never).then((release) => (order.push("third"), release));
  const fourth = semaphore.acquire(never).then(() => order.push("fourth"));
  assert.equal(semaphore.waiting, 2);
  first();
  (await third)();
  await fourth;
  assert.deepEqual(order, ["third", "fourth"]);
  assert.equal(semaphore.inUse, 2);
});

Deno.test("Semaphore counts a permit released twice once", async () => {
  const semaphore = new Semaphore(1);
  const release = await semaphore.acquire(never);
  release();
  release();
  assert.equal(semaphore.inUse, 0);
  assert.notEqual(semaphore.tryAcquire(), undefined);
  assert.equal(semaphore.tryAcquire(), undefined);
});

Deno.test("Semaphore lets a waiter go when its signal fires, without losing the permit", async () => {
  const semaphore = new Semaphore(1);
  const release = await semaphore.acquire(never);
  const abort = new AbortController();
  const waiting = semaphore.acquire(abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  release();
  assert.equal(semaphore.inUse, 0);
  await assert.rejects(semaphore.acquire(abort.signal), /enough/);
});

Deno.test("Semaphore refuses a limit below one", () => {
  assert.throws(() => new Semaphore(0), RangeError);
});
