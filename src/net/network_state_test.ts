import assert from "node:assert/strict";
import { readNetworkState } from "./network_state.ts";

Deno.test("readNetworkState is the same while nothing changes, and knows the own addresses", async () => {
  const [one, two] = [await readNetworkState(), await readNetworkState()];
  assert.equal(one.fingerprint, two.fingerprint);
  assert.ok(one.addresses.has("127.0.0.1"));
  assert.doesNotMatch(one.fingerprint, /127\.0\.0\.1|fe80:/);
});
