/** The model on the file system itself, over a bucket in memory. */
import { withSeed } from "../support/seeded_random.ts";
import { DirectSubject } from "./direct_subject.ts";
import { lengthOf } from "./lengths.ts";
import { runModel } from "./run_model.ts";

/** One file system after another: each begins with nothing. */
const OPERATIONS_EACH = 2000;

Deno.test("random operations with many restarts show what was there before each", async () => {
  for (let done = 0; done < lengthOf(4000, 40_000); done += OPERATIONS_EACH) {
    const usual = lengthOf(101 + done / OPERATIONS_EACH, Date.now());
    await withSeed((random) =>
      runModel({
        random,
        operations: OPERATIONS_EACH,
        open: (attempt) => Promise.resolve(new DirectSubject(attempt)),
        shrinkSeconds: 60,
        // Nobody else: then listings on disk are as good as new.
        remoteShare: 0,
        restartShare: 0.02,
        verifyShare: 0.005,
      }), usual);
  }
});

Deno.test("random operations on the file system do what they do to a tree in memory", async () => {
  for (let done = 0; done < lengthOf(12_000, 100_000); done += OPERATIONS_EACH) {
    // The same ones each time, but for the long run, which is to find something new.
    const usual = lengthOf(1 + done / OPERATIONS_EACH, Date.now());
    await withSeed((random) =>
      runModel({
        random,
        operations: OPERATIONS_EACH,
        open: (attempt) => Promise.resolve(new DirectSubject(attempt)),
        shrinkSeconds: 60,
        remoteShare: 0.03,
        restartShare: 0.003,
        verifyShare: 0.005,
      }), usual);
  }
});

Deno.test("random operations go on when other processes take over, files open and names unsent", async () => {
  for (let done = 0; done < lengthOf(6000, 60_000); done += OPERATIONS_EACH) {
    const usual = lengthOf(201 + done / OPERATIONS_EACH, Date.now());
    await withSeed((random) =>
      runModel({
        random,
        operations: OPERATIONS_EACH,
        open: (attempt) => Promise.resolve(new DirectSubject(attempt)),
        shrinkSeconds: 60,
        remoteShare: 0,
        restartShare: 0.05,
        restarts: ["handOver", "handOver", "handOver", "kill"],
        verifyShare: 0.005,
      }), usual);
  }
});
