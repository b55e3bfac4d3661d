import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256InSlices } from "./payload_hash.ts";

Deno.test("sha256InSlices gives the hash of the whole body", async () => {
  for (const size of [0, 1, 2 ** 20, 2 ** 20 + 1, 5_000_000]) {
    const body = Uint8Array.from({ length: size }, (_, i) => i & 255);
    const expected = createHash("sha256").update(body).digest("hex");
    assert.equal(await sha256InSlices(body), expected, `${size} bytes`);
  }
});

Deno.test("sha256InSlices lets other work go on in between", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await sha256InSlices(new Uint8Array(32 * 2 ** 20));
  clearInterval(timer);
  assert.ok(turns >= 2, `${turns} turns`);
});
