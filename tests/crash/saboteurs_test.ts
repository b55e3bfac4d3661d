/** The harness notices a loss: somebody destroys what was acknowledged, behind the daemon's back. */
import assert from "node:assert/strict";
import { mountTest } from "../support/mount_daemon.ts";
import { withSeed } from "../support/seeded_random.ts";
import { type CrashOptions, runCrashes, type Sabotage } from "./crash_run.ts";

/** What is to be destroyed may not be there after the first kill. */
const KILLS_MAX = 8;

/** All messages of an error and its causes. */
function messages(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${messages(error.cause)}` : "";
}

function sabotageTest(
  name: string,
  endpoint: CrashOptions["endpoint"],
  /** True when it has destroyed something. */
  destroy: (run: Sabotage) => Promise<boolean>,
  noticed: RegExp,
): void {
  mountTest(`the harness notices ${name}`, async () => {
    await withSeed(async (random) => {
      let doneIn: number | undefined;
      const sabotage = async (run: Sabotage) => {
        // In a round with two kills it is asked twice. Not noticed: nothing of it was acknowledged.
        if (doneIn === run.round) return;
        if (await destroy(run)) doneIn = run.round;
      };
      await assert.rejects(
        runCrashes({ random, kills: KILLS_MAX, server: "real", endpoint, sabotage }),
        (error) => {
          assert.notEqual(doneIn, undefined, messages(error));
          assert.match(messages(error), noticed);
          return true;
        },
      );
    });
  });
}

sabotageTest("objects that are missing", "good", async ({ mounted, when }) => {
  if (when !== "flushed") return false;
  // Several: one of them alone might be a file that was never closed.
  const keys = (await mounted.other().keys("w0/")).filter((key) => !key.endsWith("/"));
  if (keys.length < 5) return false;
  for (const key of keys) await mounted.other().delete(key);
  return true;
}, /is not there/);

sabotageTest("an object of an older content", "good", async ({ mounted, when }) => {
  if (when !== "flushed") return false;
  const other = mounted.other();
  const all = [...await other.list("w")];
  const found = all.find(([key, size]) => size > 1000 && !key.endsWith("/"));
  if (found === undefined) return false;
  const [key] = found;
  const bytes = await other.get(key);
  bytes.fill(0, 500, 600);
  await other.put(key, bytes, (await other.head(key))!.metadata);
  return true;
}, /is the first that is not there|has other bytes than the object/);

sabotageTest("staged files that are gone", "down", async ({ mounted, when }) => {
  if (when !== "killed") return false;
  const folder = `${mounted.folder}/state/staged`;
  let removed = false;
  for await (const { name: volume } of Deno.readDir(folder)) {
    for await (const { name } of Deno.readDir(`${folder}/${volume}`)) {
      await Deno.remove(`${folder}/${volume}/${name}`);
      removed = true;
    }
  }
  return removed;
}, /is not there|Set aside|Cannot read/);

sabotageTest("a journal that is gone", "down", async ({ mounted, when }) => {
  if (when !== "killed") return false;
  let removed = false;
  for await (const { name } of Deno.readDir(`${mounted.folder}/state`)) {
    if (!/journal/.test(name)) continue;
    await Deno.remove(`${mounted.folder}/state/${name}`, { recursive: true });
    removed = true;
  }
  return removed;
}, /is not there|Set aside/);
