import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { withSeed } from "../../tests/support/seeded_random.ts";
import type { Pace } from "./http_exchange.ts";
import { RateLimit } from "./rate_limit.ts";

const MIB = 2 ** 20;

/** Moves bytes as fast as the pace lets it. */
class Mover implements Disposable {
  moved = 0;
  readonly #stop = new AbortController();

  constructor(pace: Pace, wanted: () => number) {
    const { signal } = this.#stop;
    const move = async () => {
      while (!signal.aborted) {
        const bytes = wanted();
        const granted = await pace.next(bytes, signal);
        assert.ok(granted >= 1 && granted <= bytes);
        this.moved += granted;
        await Promise.resolve();
      }
    };
    move().catch((error: unknown) => assert.equal(error, signal.reason));
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

Deno.test("RateLimit never grants more than rate x time + burst, and not much less", async () => {
  await withSeed(async (random) => {
    for (const rate of [16 * 1024, 1_000_000, 10 * MIB, 1024 * MIB]) {
      const clock = new FakeClock();
      const limit = new RateLimit(rate, clock);
      const shares = [limit.join(), limit.join(), limit.join()];
      const movers = shares.flatMap((share) => [
        new Mover(share.pace("bulk"), () => MIB),
        new Mover(share.pace("small"), () => 1 + random.below(20_000)),
      ]);
      let elapsedMs = 0;
      const stepMs = rate > 100 * MIB ? 3 : 90;
      for (let step = 0; step < 40; step++) {
        const ms = 1 + random.below(stepMs);
        await clock.advance(ms);
        elapsedMs += ms;
        const moved = movers.reduce((sum, mover) => sum + mover.moved, 0);
        const most = rate * elapsedMs / 1000 + limit.burstBytes;
        assert.ok(moved <= most + 1, `${moved} of ${most} bytes after ${elapsedMs} ms`);
      }
      const moved = movers.reduce((sum, mover) => sum + mover.moved, 0);
      assert.ok(moved >= 0.8 * rate * elapsedMs / 1000, `${moved} at ${rate}`);
      for (const mover of movers) mover[Symbol.dispose]();
      await clock.advance(1_000);
    }
  });
});

Deno.test("RateLimit lets no more than the burst go at once after a pause", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(MIB, clock);
  await clock.advance(60_000);
  using mover = new Mover(limit.join().pace("bulk"), () => MIB);
  await clock.advance(0);
  assert.ok(mover.moved <= limit.burstBytes && mover.moved > 0);
});

Deno.test("RateLimit divides evenly between mounts, however many requests each makes", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(MIB, clock);
  const [a, b] = [limit.join(), limit.join()];
  const many = Array.from({ length: 20 }, () => new Mover(a.pace("bulk"), () => MIB));
  using one = new Mover(b.pace("bulk"), () => MIB);
  await clock.advance(10_000);
  const moved = many.reduce((sum, mover) => sum + mover.moved, 0);
  assert.ok(Math.abs(moved / one.moved - 1) < 0.1, `${moved} and ${one.moved}`);
  for (const mover of many) mover[Symbol.dispose]();
});

Deno.test("RateLimit lets a small request through while bulk data wait in a long line", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(MIB, clock);
  const share = limit.join();
  const bulk = Array.from({ length: 50 }, () => new Mover(share.pace("bulk"), () => MIB));
  await clock.advance(1_000);
  let isGranted = false;
  const { signal } = new AbortController();
  const small = Promise.resolve(share.pace("small").next(300, signal)).then(() => isGranted = true);
  await clock.advance(50); // two grants of 20 ms are before it at most
  assert.equal(isGranted, true);
  await small;
  for (const mover of bulk) mover[Symbol.dispose]();
});

Deno.test("RateLimit grants again what was given back", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(MIB, clock);
  const pace = limit.join().pace("bulk");
  const { signal } = new AbortController();
  let used = 0;
  for (let i = 0; i < 1_000; i++) {
    const granted = await pace.next(MIB, signal);
    pace.giveBack(granted - 1);
    used++;
  }
  assert.equal(used, 1_000); // without a pause: the clock stands still
  assert.equal(clock.sleeping, 0);
});

Deno.test("RateLimit forgets who gave up waiting", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit(64 * 1024, clock);
  const pace = limit.join().pace("bulk");
  const controller = new AbortController();
  const waiting: Promise<number>[] = [];
  for (let i = 0; i < 10; i++) {
    waiting.push((async () => await pace.next(4096, controller.signal))());
  }
  await clock.advance(0);
  controller.abort(new Error("enough"));
  const outcomes = await Promise.allSettled(waiting);
  assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 9);
  await clock.advance(1_000);
  assert.equal(clock.sleeping, 0);
  assert.equal(await pace.next(4096, new AbortController().signal), 4096);
});

Deno.test("RateLimit refuses a rate below one", () => {
  assert.throws(() => new RateLimit(0, new FakeClock()), RangeError);
});
