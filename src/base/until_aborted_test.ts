import assert from "node:assert/strict";
import { untilAborted } from "./until_aborted.ts";

Deno.test("untilAborted passes on what the work settles with", async () => {
  const { signal } = new AbortController();
  assert.equal(await untilAborted(Promise.resolve(7), signal), 7);
  await assert.rejects(untilAborted(Promise.reject(new Error("no")), signal), /no/);
});

Deno.test("untilAborted lets the caller go when the signal fires, before or meanwhile", async () => {
  const abort = new AbortController();
  const work = Promise.withResolvers<number>();
  const waiting = untilAborted(work.promise, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  await assert.rejects(untilAborted(work.promise, abort.signal), /enough/);
  // Not an unhandled rejection, which would fail this test.
  work.reject(new Error("late"));
});
