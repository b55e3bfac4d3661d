import assert from "node:assert/strict";
import { isFileName, utf8Size } from "./names.ts";

Deno.test("isFileName takes what a directory entry can be called, and nothing else", () => {
  for (const name of ["a", "...", ".hidden", " ", "\n", "a\\b", "é".repeat(127), "🦀".repeat(63)]) {
    assert.equal(isFileName(name), true, JSON.stringify(name));
  }
  for (const name of ["", ".", "..", "a\0b", "a/b", "é".repeat(128), "🦀".repeat(64)]) {
    assert.equal(isFileName(name), false, JSON.stringify(name));
  }
});

Deno.test("utf8Size counts bytes", () => {
  assert.equal(utf8Size("aé😀"), 7);
});
