import assert from "node:assert/strict";
import { watchEndSignals } from "./signals.ts";

const fired = async (signal: AbortSignal) => {
  // Signal listeners do not keep the event loop alive.
  const alive = setInterval(() => {}, 1000);
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  clearInterval(alive);
};

Deno.test("The first signal asks for an end, the second one for haste, whichever they are", async () => {
  using signals = watchEndSignals();
  const end = fired(signals.end);
  Deno.kill(Deno.pid, "SIGHUP");
  await end;
  assert.equal(signals.hurry.aborted, false);
  const hurry = fired(signals.hurry);
  Deno.kill(Deno.pid, "SIGTERM");
  await hurry;
});

Deno.test("SIGHUP goes to who wants it, and is no end then", async () => {
  using signals = watchEndSignals();
  const { promise, resolve } = Promise.withResolvers<void>();
  signals.onHangup = resolve;
  const alive = setInterval(() => {}, 1000);
  Deno.kill(Deno.pid, "SIGHUP");
  await promise;
  clearInterval(alive);
  assert.equal(signals.end.aborted, false);
});
