import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { ContinuousClock } from "./continuous_clock.ts";

const HOUR_MS = 3_600_000;

Deno.test("ContinuousClock counts sleep, and time awake as it is", async () => {
  const clock = new FakeClock(1_000);
  const continuous = new ContinuousClock(clock);
  const startMs = continuous.monotonicMs();
  await clock.advance(500);
  assert.equal(continuous.monotonicMs() - startMs, 500);
  clock.jump(8 * HOUR_MS);
  assert.equal(continuous.monotonicMs() - startMs, 500 + 8 * HOUR_MS);
  assert.equal(continuous.nowMs(), clock.nowMs());
});

Deno.test("ContinuousClock never goes back, and minds no small corrections", async () => {
  const clock = new FakeClock(1_000);
  const continuous = new ContinuousClock(clock);
  const startMs = continuous.monotonicMs();
  clock.jump(-8 * HOUR_MS);
  assert.equal(continuous.monotonicMs(), startMs);
  for (let second = 0; second < 10; second++) {
    await clock.advance(1_000);
    clock.jump(500);
    continuous.monotonicMs();
  }
  assert.equal(continuous.monotonicMs() - startMs, 10_000);
});
