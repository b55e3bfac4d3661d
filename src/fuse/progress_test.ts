import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { Progress } from "./progress.ts";

/** Asks every 5 seconds for `seconds`; the answers. */
async function ask(progress: Progress, clock: FakeClock, seconds: number): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (let at = 0; at < seconds; at += 5) {
    await clock.advance(5000);
    answers.push(progress.answers());
  }
  return answers;
}

Deno.test("A mount answers as long as it has nothing to do or takes requests", async () => {
  const clock = new FakeClock();
  const source = { taken: 0, hasWaiting: false };
  const progress = new Progress(source, clock);
  assert.ok((await ask(progress, clock, 200)).every(Boolean), "idle");
  source.hasWaiting = true;
  for (let round = 0; round < 10; round++) {
    source.taken++;
    assert.ok((await ask(progress, clock, 50)).every(Boolean), "slow");
  }
});

Deno.test("A mount that takes nothing for a minute does not answer, until it takes something", async () => {
  const clock = new FakeClock();
  const source = { taken: 7, hasWaiting: true };
  const progress = new Progress(source, clock);
  const answers = await ask(progress, clock, 65);
  assert.deepEqual(answers.slice(0, -1).filter((answer) => !answer), []);
  assert.equal(answers.at(-1), false);
  source.taken++;
  assert.equal(progress.answers(), true);
});

Deno.test("A process that was held up gets time to take what came meanwhile", async () => {
  const clock = new FakeClock();
  const progress = new Progress({ taken: 1, hasWaiting: true }, clock);
  assert.equal(progress.answers(), true);
  await clock.advance(600_000);
  assert.equal(progress.answers(), true);
});
