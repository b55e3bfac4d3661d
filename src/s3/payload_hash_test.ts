import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { hashOnThread, md5OfBody, sha256OfBody } from "./payload_hash.ts";

const SIZES = [0, 1, 256 * 1024, 256 * 1024 + 1, 2 ** 20, 2 ** 20 + 1, 5_000_000];

async function checkHashes(): Promise<void> {
  await Promise.all(SIZES.map(async (size) => {
    const body = Uint8Array.from({ length: size }, (_, i) => (i * 31) >> 3);
    const [sha256, md5] = await Promise.all([sha256OfBody(body), md5OfBody(body)]);
    assert.equal(sha256, createHash("sha256").update(body).digest("hex"), `${size} bytes`);
    assert.equal(md5, createHash("md5").update(body).digest("hex"), `${size} bytes`);
  }));
}

Deno.test("sha256OfBody and md5OfBody give the hash of the whole body", checkHashes);

Deno.test("a thread gives the same hashes, of many bodies at a time", async () => {
  using _thread = hashOnThread();
  await checkHashes();
});

Deno.test("a body is hashed here where the thread ends under it", async () => {
  const body = new Uint8Array(20_000_000);
  const ending = hashOnThread();
  const hashing = sha256OfBody(body);
  ending[Symbol.dispose]();
  assert.equal(await hashing, createHash("sha256").update(body).digest("hex"));
});

Deno.test("a body that is hashed lets other work go on in between", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await sha256OfBody(new Uint8Array(32 * 2 ** 20));
  clearInterval(timer);
  assert.ok(turns >= 2, `${turns} turns`);
});
