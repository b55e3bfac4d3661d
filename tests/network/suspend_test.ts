/** The lid is closed under load, and opened 8 hours later on connections that are dead without a word. */
import assert from "node:assert/strict";
import { type SeededRandom, withSeed } from "../support/seeded_random.ts";
import { Load } from "./load.ts";
import { World } from "./world.ts";

const HOUR_MS = 3_600_000;
/** A request on a dead connection would wait so long for its answer. */
const ANSWER_MS = 10_000;
const UPLOADS_MS = 30_000;

/** The connections under load die without a word, and `wake` happens. */
async function losesNothing(world: World, random: SeededRandom, wake: () => void): Promise<void> {
  const { clock, volume } = world;
  const load = new Load(world, random);
  await load.start();
  await clock.sleep(3_000);
  await world.proxy.setFaults({ silent: true });
  await clock.sleep(200); // requests are sent that will never be answered
  wake();
  await world.proxy.setFaults({});
  await clock.sleep(ANSWER_MS);
  await load.stop();
  await clock.until("all is in S3", UPLOADS_MS, () => volume.fs.uploads().pendingFiles === 0);
  await load.compare();
  assert.deepEqual(load.failures, []);
  assert.ok(load.longestMs < ANSWER_MS, `an operation took ${load.longestMs} ms`);
}

for (const hours of [8, -8]) {
  const what = hours > 0 ? `a suspend of ${hours} hours` : "a clock set back by 8 hours";
  Deno.test(`requests that wait go on at once after ${what}, and nothing is lost`, () =>
    withSeed(async (random) => {
      await using world = await World.start({ rate: 5 });
      const { clock, monitor, bucket } = world;
      await losesNothing(world, random, () => clock.jump(hours * HOUR_MS));
      assert.equal(monitor.trouble, undefined);
      // Signed by the clock of S3, and the person is told.
      const side = hours > 0 ? /ahead of that of S3/ : /behind that of S3/;
      assert.match(bucket.warnings().join(), side);
    }));
}

Deno.test("requests from an address that is gone go on at once over the new network", () =>
  withSeed(async (random) => {
    await using world = await World.start({ rate: 5 });
    await losesNothing(world, random, () => {
      world.network = { fingerprint: "train", addresses: new Set() };
    });
  }));
