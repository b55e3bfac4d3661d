/** The model on the file system itself, over a bucket in memory. */
import { withSeed } from "../support/seeded_random.ts";
import { DirectSubject } from "./direct_subject.ts";
import type { Habits } from "./generate.ts";
import { lengthOf } from "./lengths.ts";
import { runModel } from "./run_model.ts";

/** One file system after another: each begins with nothing. */
const OPERATIONS_EACH = 2000;

/** Seeds from `seed` on, the same ones each time; but for the long run, which is to find something new. */
async function runModels(operations: number, seed: number, habits: Habits): Promise<void> {
  for (let done = 0; done < operations; done += OPERATIONS_EACH) {
    const usual = lengthOf(seed + done / OPERATIONS_EACH, Date.now());
    await withSeed((random) =>
      runModel({
        random,
        operations: OPERATIONS_EACH,
        open: (attempt) => Promise.resolve(new DirectSubject(attempt)),
        shrinkSeconds: 60,
        ...habits,
      }), usual);
  }
}

Deno.test("random operations with many restarts show what was there before each", () =>
  // Nobody else: then listings on disk are as good as new.
  runModels(lengthOf(4000, 40_000), 101, {
    remoteShare: 0,
    restartShare: 0.02,
    verifyShare: 0.005,
  }));

Deno.test("random operations on the file system do what they do to a tree in memory", () =>
  runModels(lengthOf(12_000, 100_000), 1, {
    remoteShare: 0.03,
    restartShare: 0.003,
    verifyShare: 0.005,
  }));

Deno.test("random operations go on when other processes take over, files open and names unsent", () =>
  runModels(lengthOf(6000, 60_000), 201, {
    remoteShare: 0,
    restartShare: 0.05,
    restarts: ["handOver", "handOver", "handOver", "kill"],
    verifyShare: 0.005,
  }));
