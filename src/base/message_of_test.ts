import assert from "node:assert/strict";
import { messageOf } from "./message_of.ts";

Deno.test("Whatever is thrown says something", () => {
  assert.equal(messageOf(new TypeError("no number")), "no number");
  assert.equal(messageOf("a word"), "a word");
  assert.equal(messageOf(undefined), "undefined");
});
