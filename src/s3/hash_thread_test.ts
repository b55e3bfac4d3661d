import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { HashThread } from "./hash_thread.ts";

Deno.test("HashThread hashes bodies that come together, through its few buffers", async () => {
  const thread = new HashThread();
  const bodies = Array.from({ length: 10 }, (_, i) => new Uint8Array(i * 700_000).fill(i));
  const digests = await Promise.all(bodies.map((body) => thread.hash("sha256", body)));
  bodies.forEach((body, i) => {
    assert.equal(digests[i], createHash("sha256").update(body).digest("hex"));
    assert.equal(body.byteLength, i * 700_000); // nothing was taken away
  });
  thread.close();
});

Deno.test("HashThread says that it ended, to who waits and who comes later", async () => {
  const thread = new HashThread();
  const waiting = thread.hash("md5", new Uint8Array(50_000_000));
  thread.close();
  await assert.rejects(waiting, /it was closed/);
  await assert.rejects(thread.hash("md5", new Uint8Array(1)), /it was closed/);
  thread.close();
});

Deno.test("HashThread tells of a worker that does not start", async () => {
  const thread = new HashThread(new URL("./no_such_worker.ts", import.meta.url));
  await assert.rejects(thread.hash("md5", new Uint8Array(1)), /its worker ended/);
});
