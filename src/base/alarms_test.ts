import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { Alarms } from "./alarms.ts";

Deno.test("Alarms ring in time, and those that were cleared or moved do not", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock);
  const rung: string[] = [];
  const [a, b, c, d] = [alarms.alarm(), alarms.alarm(), alarms.alarm(), alarms.alarm()];
  a.set(100, () => rung.push("a"));
  b.set(50, () => rung.push("b"));
  c.set(70, () => rung.push("c"));
  c.clear();
  d.set(60, () => rung.push("not d"));
  d.set(120, () => rung.push("d"));
  await clock.advance(49);
  assert.deepEqual(rung, []);
  await clock.advance(1);
  assert.deepEqual(rung, ["b"]);
  await clock.advance(1_000);
  assert.deepEqual(rung, ["b", "a", "d"]);
});

Deno.test("Alarms wait for the earliest one with one sleep", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock);
  let rung = 0;
  for (let ms = 100; ms > 0; ms -= 10) alarms.alarm().set(ms, () => rung++);
  assert.equal(clock.sleeping, 1);
  await clock.advance(55);
  assert.equal(rung, 5);
  assert.equal(clock.sleeping, 1);
  await clock.advance(45);
  assert.equal(rung, 10);
  assert.equal(clock.sleeping, 0);
});

Deno.test("An alarm that clears another one due at the same time is obeyed", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock);
  const [a, b] = [alarms.alarm(), alarms.alarm()];
  const rung: string[] = [];
  a.set(10, () => {
    rung.push("a");
    b.clear();
  });
  b.set(10, () => rung.push("b"));
  await clock.advance(10);
  assert.deepEqual(rung, ["a"]);
});

Deno.test("Alarms that are closed ring what is set and then sleep no more", async () => {
  const clock = new FakeClock();
  const alarms = new Alarms(clock);
  const [a, b] = [alarms.alarm(), alarms.alarm()];
  let rung = 0;
  a.set(10, () => rung++);
  b.set(1_000, () => rung++);
  alarms.close();
  assert.equal(clock.sleeping, 1);
  await clock.advance(10);
  assert.equal(rung, 1);
  b.clear();
  assert.equal(clock.sleeping, 0);
});
