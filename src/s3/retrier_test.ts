import assert from "node:assert/strict";
import { Alarms } from "../base/alarms.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { NotFoundError, ServerError, ThrottledError, TransportError } from "./errors.ts";
import { Retrier } from "./retrier.ts";

const NEVER = new AbortController().signal;
const DETAILS = { operation: "GetObject", bucket: "b", key: "k" };
const UNBOUNDED = { ...DETAILS, isBounded: false };

function create(random = 1): { clock: FakeClock; retrier: Retrier; retries: () => number } {
  const clock = new FakeClock();
  clock.isHasty = true;
  let count = 0;
  const retrier = new Retrier({
    clock,
    alarms: new Alarms(clock),
    totalMs: 30_000,
    random: () => random,
    onRetry: () => void count++,
  });
  return { clock, retrier, retries: () => count };
}

Deno.test("Retrier repeats what may pass, with doubling pauses", async () => {
  const { clock, retrier, retries } = create();
  const times: number[] = [];
  const result = await retrier.run(UNBOUNDED, NEVER, (_signal, count) => {
    times.push(clock.nowMs());
    if (count < 4) return Promise.reject(new ServerError("failed", DETAILS));
    return Promise.resolve("done");
  });
  assert.equal(result, "done");
  assert.deepEqual(times, [0, 100, 300, 700]);
  assert.equal(retries(), 3);
});

Deno.test("Retrier does not repeat what will not pass", async () => {
  const { retrier, retries } = create();
  await assert.rejects(
    retrier.run(UNBOUNDED, NEVER, () => Promise.reject(new NotFoundError("no", DETAILS))),
    NotFoundError,
  );
  await assert.rejects(
    retrier.run(UNBOUNDED, NEVER, () => Promise.reject(new TypeError("a bug"))),
    TypeError,
  );
  assert.equal(retries(), 0);
});

Deno.test("Retrier stops when the time is over", async () => {
  const { clock, retrier } = create();
  const failure = new ServerError("failed", DETAILS);
  await assert.rejects(
    retrier.run(UNBOUNDED, NEVER, () => Promise.reject(failure)),
    failure,
  );
  assert.ok(clock.nowMs() > 20_000 && clock.nowMs() <= 30_000, `${clock.nowMs()}`);
});

Deno.test("Retrier waits as long as the server asks", async () => {
  const { clock, retrier } = create(0);
  await retrier.run(UNBOUNDED, NEVER, (_signal, count) => {
    if (count > 1) return Promise.resolve();
    return Promise.reject(new ThrottledError("slow", { ...DETAILS, retryAfterMs: 7_000 }));
  });
  assert.ok(clock.nowMs() >= 7_000);
});

Deno.test("Retrier's budget ends the repeating of many failing operations", async () => {
  const { retrier, retries } = create(0);
  const fail = () =>
    retrier.run(UNBOUNDED, NEVER, (_signal, count) => {
      if (count > 50) return Promise.resolve();
      return Promise.reject(new ServerError("failed", DETAILS));
    });
  for (let i = 0; i < 4; i++) await fail();
  await assert.rejects(fail(), ServerError);
  assert.equal(retries(), 200);
});

Deno.test("Retrier ends an attempt under way when a bounded operation takes too long", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock);
  const retrier = new Retrier({ clock, alarms, totalMs: 30_000, onRetry: () => {} });
  const work = retrier.run(
    { ...DETAILS, isBounded: true },
    NEVER,
    (signal) =>
      new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      ),
  );
  const outcome = assert.rejects(work, (error) => {
    assert.ok(error instanceof TransportError);
    assert.match(error.message, /GetObject "b\/k": not done within 30 s/);
    return true;
  });
  await clock.advance(30_000);
  await outcome;
});

Deno.test("Retrier rejects with the reason of the signal during a pause", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock);
  const retrier = new Retrier({ clock, alarms, totalMs: 30_000, onRetry: () => {} });
  const controller = new AbortController();
  const work = retrier.run(
    { ...DETAILS, isBounded: true },
    controller.signal,
    () => Promise.reject(new ServerError("failed", DETAILS)),
  );
  const outcome = assert.rejects(work, /enough/);
  await clock.advance(0);
  controller.abort(new Error("enough"));
  await outcome;
});
