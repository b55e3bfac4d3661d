import assert from "node:assert/strict";
import { mountState } from "./mount_state.ts";

Deno.test("A folder answers, whatever it answers", async () => {
  const calm = new AbortController().signal;
  assert.equal(await mountState("/", calm), "answers");
  assert.equal(await mountState("/nowhere", calm), "answers");
  const reason = new Error("Interrupted");
  await assert.rejects(mountState("/", AbortSignal.abort(reason)), reason);
});
