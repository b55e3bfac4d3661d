import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { RequestStats } from "./request_stats.ts";

Deno.test("RequestStats counts by kind and knows the last contact", async () => {
  const clock = new FakeClock(1_000_000);
  const stats = new RequestStats(clock);
  assert.equal(stats.snapshot().lastContactMs, undefined);
  assert.equal(stats.sinceContactMs(), Infinity);
  stats.sent("get");
  stats.sent("get");
  stats.sent("list");
  stats.failed();
  stats.retried();
  stats.uploaded(5);
  stats.downloaded(7);
  stats.answered(12);
  await clock.advance(3_000);
  const { get, list, put, errors, retries, bytesUploaded, bytesDownloaded, lastContactMs } = stats
    .snapshot();
  assert.deepEqual(
    { get, list, put, errors, retries, bytesUploaded, bytesDownloaded, lastContactMs },
    {
      get: 2,
      list: 1,
      put: 0,
      errors: 1,
      retries: 1,
      bytesUploaded: 5,
      bytesDownloaded: 7,
      lastContactMs: 1_000_000,
    },
  );
  assert.equal(stats.sinceContactMs(), 3_000);
});

Deno.test("RequestStats tells the latencies of the recent requests only", () => {
  const stats = new RequestStats(new FakeClock());
  assert.equal(stats.snapshot().latencyMsP50, undefined);
  for (let ms = 1; ms <= 100; ms++) stats.answered(ms);
  assert.equal(stats.snapshot().latencyMsP50, 50);
  assert.equal(stats.snapshot().latencyMsP99, 99);
  for (let i = 0; i < 1024; i++) stats.answered(7);
  assert.equal(stats.snapshot().latencyMsP99, 7);
});
