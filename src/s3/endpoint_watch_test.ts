import assert from "node:assert/strict";
import { Alarms } from "../base/alarms.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { HttpError } from "../net/http_error.ts";
import { EndpointWatch } from "./endpoint_watch.ts";

const NEVER = new AbortController().signal;

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  );
}

Deno.test("EndpointWatch ends a call to an endpoint that is gone", async () => {
  const clock = new FakeClock();
  let probes = 0;
  const watch = new EndpointWatch({
    alarms: new Alarms(clock),
    intervalMs: 5_000,
    sinceContactMs: () => Infinity,
    probe: () => {
      probes++;
      return Promise.reject(new HttpError("timeout", "no answer"));
    },
  });
  const call = watch.during(NEVER, ({ signal }) => untilAborted(signal));
  const outcome = assert.rejects(call, /the endpoint does not answer/);
  await clock.advance(4_999);
  assert.equal(probes, 0);
  await clock.advance(1);
  await outcome;
  assert.equal(probes, 1);
});

Deno.test("EndpointWatch lets a slow call to a living endpoint go on", async () => {
  const clock = new FakeClock();
  let probes = 0;
  let sinceContactMs = Infinity;
  const watch = new EndpointWatch({
    alarms: new Alarms(clock),
    intervalMs: 5_000,
    sinceContactMs: () => sinceContactMs,
    probe: () => {
      probes++;
      sinceContactMs = 0;
      return Promise.resolve();
    },
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  const calls = [watch.during(NEVER, () => promise), watch.during(NEVER, () => promise)];
  await clock.advance(5_000);
  assert.equal(probes, 1); // one for both
  // As long as other requests are answered there is no reason to probe.
  await clock.advance(60_000);
  assert.equal(probes, 1);
  resolve("done");
  assert.deepEqual(await Promise.all(calls), ["done", "done"]);
});

Deno.test("EndpointWatch passes the caller's signal on", async () => {
  const clock = new FakeClock();
  const watch = new EndpointWatch({
    alarms: new Alarms(clock),
    intervalMs: 5_000,
    sinceContactMs: () => 0,
    probe: () => Promise.resolve(),
  });
  const controller = new AbortController();
  const call = watch.during(controller.signal, ({ signal }) => untilAborted(signal));
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
});
