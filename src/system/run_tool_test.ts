import assert from "node:assert/strict";
import { MissingToolError, runTool } from "./run_tool.ts";

const calm = new AbortController().signal;

Deno.test("runTool gives code and words of a program", async () => {
  const script = 'echo "$LC_ALL"; echo why >&2; exit 7';
  assert.deepEqual(await runTool("sh", ["-c", script], 10_000, calm), {
    code: 7,
    stdout: "C\n",
    stderr: "why",
  });
});

Deno.test("runTool hands over what the program is to read, if it reads at all", async () => {
  const long = "x".repeat(300_000);
  assert.equal((await runTool("cat", [], 10_000, calm, long)).stdout, long);
  assert.equal((await runTool("false", [], 10_000, calm, long)).code, 1);
});

Deno.test("runTool ends a program that takes too long, or that nobody waits for any more", async () => {
  await assert.rejects(
    runTool("sleep", ["60"], 20, calm),
    /"sleep 60": it did not end within 0.02 s/,
  );
  const abort = new AbortController();
  const reason = new Error("Interrupted");
  const running = runTool("sleep", ["60"], 60_000, abort.signal);
  abort.abort(reason);
  await assert.rejects(running, reason);
  await assert.rejects(runTool("true", [], 1000, abort.signal), reason);
});

Deno.test("runTool tells that a program is not installed", async () => {
  await assert.rejects(runTool("no-such-tool", [], 1000, calm), MissingToolError);
});
