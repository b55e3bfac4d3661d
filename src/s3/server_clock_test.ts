import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { ServerClock } from "./server_clock.ts";

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 1);

Deno.test("ServerClock follows the dates of answers, and minds no seconds", () => {
  const clock = new FakeClock(START_MS);
  const server = new ServerClock(clock);
  const dateAt = (ms: number) => new Date(ms).toUTCString();
  server.heard(null);
  server.heard("no date");
  server.heard(dateAt(START_MS + 30_000));
  assert.equal(server.nowMs(), START_MS);
  server.heard(dateAt(START_MS + HOUR_MS));
  assert.equal(server.nowMs(), START_MS + HOUR_MS);
  assert.equal(server.skewMs, HOUR_MS);
  // It stays what it is while only seconds differ, and goes when the clock was set right.
  server.heard(dateAt(START_MS + HOUR_MS + 20_000));
  assert.equal(server.skewMs, HOUR_MS);
  clock.jump(HOUR_MS);
  server.heard(dateAt(START_MS + HOUR_MS + 20_000));
  assert.equal(server.skewMs, 0);
  assert.equal(server.nowMs(), START_MS + HOUR_MS);
});
