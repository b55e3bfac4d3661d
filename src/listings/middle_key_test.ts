import assert from "node:assert/strict";
import { middleKey } from "./middle_key.ts";

function guess(first: string, low: string, high?: string): string | undefined {
  return middleKey({ keys: [first, low], first, low, high });
}

Deno.test("numbered names are parted at a number with as many digits", () => {
  assert.equal(guess("file-000000.txt", "file-000999.txt"), "file-005");
  assert.equal(guess("0.txt", "1899.txt"), "5");
  assert.equal(guess("img_0001.jpg", "img_1000.jpg"), "img_5");
});

Deno.test("random names are parted in the middle of their alphabet", () => {
  assert.equal(guess("00a3f9", "0fbe21"), "8");
  assert.equal(guess("aardvark", "butter"), "n");
});

Deno.test("the rest between two known keys is parted between them", () => {
  assert.equal(guess("file-000000", "file-000999", "file-005"), "file-002");
  assert.equal(guess("a0", "a1", "a9"), "a5");
});

Deno.test("there is no guess where the names go no further in any place, or give no hint", () => {
  assert.equal(guess("99", "99"), undefined);
  assert.equal(guess("ä", "ö"), undefined);
  assert.equal(guess("", ""), undefined);
});
