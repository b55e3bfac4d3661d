import assert from "node:assert/strict";
import { decodeKeys, encodeKeys } from "./stored_keys.ts";

Deno.test("Keys come back from one line of ASCII, whatever is in them", () => {
  for (const sessionToken of [undefined, "t".repeat(9000)]) {
    const keys = {
      accessKeyId: "AKIA1",
      secretAccessKey: `se"c\\r't ü\n/+=`,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    };
    const text = encodeKeys(keys);
    assert.match(text, /^[A-Za-z0-9+/=]+$/);
    assert.deepEqual(decodeKeys(`${text}\n`), keys);
  }
});

Deno.test("What is no pair of keys is told apart", () => {
  for (const value of ["", "*", "null", "[]", '["a"]', '["a",1]', '{"a":"b"}', '["","b"]']) {
    assert.equal(decodeKeys(new TextEncoder().encode(value).toBase64()), undefined, value);
  }
  assert.equal(decodeKeys("no base64!"), undefined);
});
