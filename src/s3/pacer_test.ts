import assert from "node:assert/strict";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import { Pacer } from "./pacer.ts";

const NEVER = new AbortController().signal;

Deno.test("Pacer lets everything through until the server throttles", async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  for (let i = 0; i < 100; i++) await pacer.turn(NEVER);
  assert.equal(clock.sleeping, 0);
});

Deno.test("Pacer spaces the starts of all requests while the server throttles", async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  pacer.throttled(0);
  assert.equal(pacer.gapMs, 10);
  const starts: number[] = [];
  for (let i = 0; i < 4; i++) {
    pacer.turn(NEVER).then(() => starts.push(clock.nowMs()), () => {});
  }
  await settle();
  await clock.advance(100);
  assert.deepEqual(starts, [0, 10, 20, 30]);
});

Deno.test("Pacer takes many throttled answers at once for one reason, and recovers", async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  for (let i = 0; i < 50; i++) pacer.throttled(0);
  assert.equal(pacer.gapMs, 10);
  for (let i = 0; i < 20; i++) {
    await clock.advance(1000);
    pacer.throttled(0);
  }
  assert.equal(pacer.gapMs, 1000);
  for (let i = 0; i < 200; i++) pacer.succeeded();
  assert.equal(pacer.gapMs, 0);
});

Deno.test("Pacer sends nothing while the server asks for a pause", async () => {
  const clock = new FakeClock();
  const pacer = new Pacer(clock);
  pacer.throttled(5_000);
  let isThrough = false;
  pacer.turn(NEVER).then(() => isThrough = true, () => {});
  await clock.advance(4_999);
  assert.equal(isThrough, false);
  await clock.advance(1);
  assert.equal(isThrough, true);
});

Deno.test("Pacer rejects with the reason of the signal", async () => {
  const pacer = new Pacer(new FakeClock());
  pacer.throttled(5_000);
  const controller = new AbortController();
  const waiting = pacer.turn(controller.signal);
  await settle();
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});
