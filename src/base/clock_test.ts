import assert from "node:assert/strict";
import { Deadline, StallTimer, systemClock } from "./clock.ts";

Deno.test("Clock.sleep ends with the signal's reason", async () => {
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(sleeping, /enough/);
  await assert.rejects(systemClock.sleep(1, abort.signal), /enough/);
});

Deno.test("Deadline fires as a TimeoutError, or as its parent does", async () => {
  using short = new Deadline(new AbortController().signal, 1);
  await new Promise((resolve) => short.signal.addEventListener("abort", resolve));
  assert.equal(short.signal.reason.name, "TimeoutError");

  const parent = new AbortController();
  using long = new Deadline(parent.signal, 60_000);
  assert.equal(long.signal.aborted, false);
  parent.abort(new Error("enough"));
  assert.equal(long.signal.reason.message, "enough");
  using late = new Deadline(parent.signal, 60_000);
  assert.equal(late.signal.aborted, true);
});

Deno.test("StallTimer fires when it is not kicked, and not once stopped", async () => {
  const fired = Promise.withResolvers<void>();
  const timer = new StallTimer(1, fired.resolve);
  await fired.promise;
  timer.stop();
  const stopped = new StallTimer(1, () => assert.fail("stopped timers do not fire"));
  stopped.kick();
  stopped.stop();
});
