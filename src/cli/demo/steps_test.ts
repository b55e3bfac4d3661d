import assert from "node:assert/strict";
import { createOutput, type OutputStreams } from "../output.ts";
import { inParallel, Steps } from "./steps.ts";

function setUp(signal = new AbortController().signal) {
  const written: string[] = [];
  const streams: OutputStreams = {
    writeStdout: (text) => written.push(text),
    writeStderr: () => {},
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    columns: 80,
  };
  return {
    steps: new Steps(createOutput(streams, { json: false, noColor: true }), signal),
    written,
  };
}

Deno.test("Steps shows each step with its time and passes its result on", async () => {
  const { steps, written } = setUp();
  assert.equal(await steps.run("count", () => Promise.resolve(3)), 3);
  assert.match(written.join(""), /^ok +\d+ ms +count\n$/);
});

Deno.test("Steps marks the step that failed and passes its error on", async () => {
  const { steps, written } = setUp();
  await assert.rejects(
    steps.run("read", () => Promise.reject(new Error("not equal"))),
    /not equal/,
  );
  assert.match(written.join(""), /^FAIL/);
  assert.equal(steps.results[0]!.error, "not equal");
});

Deno.test("Steps leaves a step that hangs when it is interrupted", async () => {
  const interrupt = new AbortController();
  const { steps } = setUp(interrupt.signal);
  const hanging = steps.run("hang", () => new Promise(() => {}));
  interrupt.abort(new Error("Ctrl-C"));
  await assert.rejects(hanging, /Ctrl-C/);
});

Deno.test("inParallel does everything, so many at a time, and stops at a failure", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    running--;
    done.push(item);
  });
  assert.equal(most, 3);
  assert.deepEqual(done.sort(), [1, 2, 3, 4, 5, 6, 7]);
  await assert.rejects(inParallel([1, 2], 1, () => Promise.reject(new Error("no"))), /no/);
});
