import assert from "node:assert/strict";
import { systemClock } from "../base/clock.ts";
import { Deadline } from "./deadline.ts";

const LATE = new Error("late");

Deno.test("A deadline gives the result, or its reason when it comes first", async () => {
  assert.equal(await new Deadline(10_000, LATE, systemClock).bound(Promise.resolve(5)), 5);
  const never = new Promise<number>(() => {});
  await assert.rejects(new Deadline(1, LATE, systemClock).bound(never), LATE);
});

Deno.test("A deadline also fires with its parent, before and after it is made", async () => {
  const never = new Promise<number>(() => {});
  const parent = new AbortController();
  const waiting = new Deadline(10_000, LATE, systemClock, parent.signal).bound(never);
  const reason = new Error("given up");
  parent.abort(reason);
  await assert.rejects(waiting, reason);
  const late = new Deadline(10_000, LATE, systemClock, parent.signal);
  await assert.rejects(late.bound(never), reason);
});

Deno.test("A released deadline fires no more", () => {
  const parent = new AbortController();
  const deadline = new Deadline(10_000, LATE, systemClock, parent.signal);
  deadline.release();
  parent.abort();
  assert.equal(deadline.signal.aborted, false);
});
