import assert from "node:assert/strict";
import { logger } from "../base/log.ts";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import { type Disruption, DisruptionWatch } from "./disruption_watch.ts";

const BEAT_MS = 5_000;
const HOUR_MS = 3_600_000;

function setUp() {
  const clock = new FakeClock(1_000_000);
  const told: Disruption[] = [];
  const state = { fingerprint: "home", beats: 0, onWake: () => {} };
  const watch = new DisruptionWatch({
    clock,
    log: logger("test"),
    readNetwork: () => Promise.resolve({ fingerprint: state.fingerprint, addresses: new Set() }),
    watchWaking: (onWake) => {
      state.onWake = onWake;
      return Promise.resolve();
    },
    onDisruption: (disruption) => told.push(disruption),
    onBeat: () => state.beats++,
  });
  return { clock, told, state, watch };
}

Deno.test("DisruptionWatch tells of sleep, of a clock set back, and of another network, once each", async () => {
  const { clock, told, state, watch } = setUp();
  await settle();
  await clock.advance(10 * BEAT_MS);
  assert.equal(state.beats, 10);
  assert.equal(told.length, 0);
  const isTimeBroken = () => told.map((disruption) => disruption.isTimeBroken);
  clock.jump(8 * HOUR_MS);
  await clock.advance(2 * BEAT_MS);
  assert.deepEqual(isTimeBroken(), [true]);
  clock.jump(-HOUR_MS);
  await clock.advance(2 * BEAT_MS);
  assert.deepEqual(isTimeBroken(), [true, true]);
  state.fingerprint = "train";
  await clock.advance(2 * BEAT_MS);
  assert.deepEqual(isTimeBroken(), [true, true, false]);
  assert.equal(told.at(-1)?.network.fingerprint, "train");
  await watch.close();
  assert.equal(clock.sleeping, 0);
});

Deno.test("DisruptionWatch believes the system that it has woken up, without waiting for its next look", async () => {
  const { clock, told, state, watch } = setUp();
  await settle();
  await clock.advance(1_000);
  state.onWake();
  await clock.advance(0);
  assert.deepEqual(told.map(({ isTimeBroken }) => isTimeBroken), [true]);
  await clock.advance(2 * BEAT_MS);
  assert.equal(told.length, 1);
  await watch.close();
});
