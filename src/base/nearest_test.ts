import assert from "node:assert/strict";
import { nearest } from "./nearest.ts";

const WORDS = ["region", "read_only", "requester_pays", "status", "stop", "start"];

for (
  const [word, expected] of [
    ["regoin", "region"],
    ["READ_ONLY", "read_only"],
    ["readonly", "read_only"],
    ["request_pays", "requester_pays"],
    ["statsu", "status"],
    ["stpo", "stop"],
    ["stars", "start"],
    ["colour", undefined],
    ["x", undefined],
    ["", undefined],
    ["r".repeat(100_000), undefined],
  ] as const
) {
  Deno.test(`The nearest word to ${JSON.stringify(word.slice(0, 20))} is ${expected}`, () => {
    assert.equal(nearest(word, WORDS), expected);
  });
}

Deno.test("Of equally near words the first is taken", () => {
  assert.equal(nearest("bat", ["cat", "hat"]), "cat");
});
