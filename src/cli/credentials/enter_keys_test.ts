import assert from "node:assert/strict";
import { UsageError } from "../command_error.ts";
import { LineInput } from "../line_input.ts";
import { enterKeys } from "./enter_keys.ts";

const calm = new AbortController().signal;

function piped(text: string): LineInput {
  let left: Uint8Array | null = new TextEncoder().encode(text);
  const read = () => {
    const bytes = left;
    left = null;
    return Promise.resolve(bytes);
  };
  return new LineInput({ isTerminal: false, read, setRaw: () => {} }, () => {});
}

Deno.test("Two lines are a pair of keys, the third is a session token", async () => {
  const pair = { accessKeyId: "AKIA", secretAccessKey: "s/+=" };
  for (const text of ["AKIA\ns/+=", " AKIA \r\ns/+=\r\n\r\n"]) {
    assert.deepEqual(await enterKeys(piped(text), calm), pair);
  }
  assert.deepEqual(await enterKeys(piped("AKIA\ns/+=\ntok\n"), calm), {
    ...pair,
    sessionToken: "tok",
  });
});

Deno.test("What cannot be keys is refused and not repeated", async () => {
  for (const text of ["", "AKIA", "AKIA\n\n", "AKIA\nhush hush", "AKIA\nhüsh", "AK\nx\nhu sh"]) {
    await assert.rejects(enterKeys(piped(text), calm), (error) => {
      assert.ok(error instanceof UsageError);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /h[uü]\s?sh/);
      return true;
    });
  }
});
