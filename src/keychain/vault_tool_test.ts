import assert from "node:assert/strict";
import { FakeTool } from "../../tests/support/fake_tool.ts";
import { KeychainError } from "./vault.ts";
import { VaultTool } from "./vault_tool.ts";

const calm = new AbortController().signal;

async function hintOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof KeychainError, String(error));
  return error.hint;
}

Deno.test("A vault's program that is missing or silent is told with what to do", async () => {
  await using _tool = await FakeTool.create("vault-tool", "exec sleep 60");
  const hints = { silent: "Look for a window", missing: "Install it" };
  assert.equal(
    await hintOf(new VaultTool("no-such-tool", hints).run([], 5000, calm)),
    "Install it",
  );
  const { silent } = hints;
  assert.equal(await hintOf(new VaultTool("no-such-tool", { silent }).run([], 5000, calm)), silent);
  assert.equal(await hintOf(new VaultTool("vault-tool", hints).run([], 50, calm)), silent);
});

Deno.test("Who interrupts a vault's program hears that", async () => {
  const reason = new Error("interrupted");
  const run = new VaultTool("true", { silent: "" }).run([], 5000, AbortSignal.abort(reason));
  await assert.rejects(run, reason);
});
