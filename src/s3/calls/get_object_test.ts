import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { failureOf, withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { reply } from "../../../tests/support/scripted_server.ts";
import { PreconditionFailedError, ProtocolError } from "../errors.ts";

const NEVER = new AbortController().signal;

Deno.test("ranges that were not asked for are errors", async () => {
  const range = { range: { start: 10, end: 20 } };
  const part = (contentRange: string, body = "0123456789") =>
    reply(206, body, contentRange === "" ? {} : { "Content-Range": contentRange });
  const answers = [
    part(""),
    part("bytes 0-9/100"),
    part("bytes 10-20/100", "01234567890"),
    part("bytes 10-18/100", "012345678"),
    part("bytes 10-19/*"),
    part("bytes 10-19/100", "0123"),
    part("nonsense"),
    reply(200, "x".repeat(100)),
    reply(204),
  ];
  for (const answer of answers) {
    const error = await failureOf(answer, (store) => store.get("k", range, NEVER));
    assert.ok(error instanceof ProtocolError, `${answer}: ${error}`);
  }
  // The whole object by chance, and a range that the object's end cuts.
  await withScriptedBucket(
    ({ target }) =>
      target.endsWith("/cut") ? part("bytes 10-14/15", "01234") : reply(200, "0123456789"),
    async ({ bucketStore: { store } }) => {
      const whole = await store.get("k", { range: { start: 0, end: 20 } }, NEVER);
      assert.equal((await whole.read(new Uint8Array(50))).byteLength, 10);
      const cut = await store.get("cut", range, NEVER);
      assert.equal(cut.info.size, 15);
      assert.equal((await cut.read(new Uint8Array(50))).byteLength, 5);
    },
  );
});

Deno.test("a server that ignores If-Match is found out by the ETag", async () => {
  const answer = reply(200, "other", { ETag: '"new"' });
  const error = await failureOf(answer, (store) => store.get("k", { ifMatch: '"old"' }, NEVER));
  assert.ok(error instanceof PreconditionFailedError);
});

Deno.test("objects stored as gzip come as they are", async () => {
  const stored = gzipSync("hello ".repeat(1000));
  const head = (length: number, also = "") =>
    `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nETag: "e"\r\n${also}\r\n`;
  await withScriptedBucket(({ method, target }) => {
    const isReplaced = target.includes("response-content-encoding=identity");
    const headers = head(stored.byteLength, isReplaced ? "" : "Content-Encoding: gzip\r\n");
    return method === "HEAD" ? headers : [headers, stored];
  }, async ({ bucketStore: { store } }) => {
    assert.equal((await store.head("k.gz", NEVER)).size, stored.byteLength);
    const body = await store.get("k.gz", {}, NEVER);
    const bytes = await body.read(new Uint8Array(stored.byteLength + 1));
    assert.deepEqual(bytes, new Uint8Array(stored));
  });
});

Deno.test("an answer that hides its length is asked for again unpacked", async () => {
  await withScriptedBucket(
    ({ target }) =>
      target.endsWith("?response-content-encoding=identity")
        ? reply(200, "0123", { ETag: '"e"' })
        : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n0\r\n\r\n",
    async (bucket) => {
      const { bucketStore: { store }, server, pool } = bucket;
      const body = await store.get("k", {}, NEVER);
      assert.equal((await body.read(new Uint8Array(9))).byteLength, 4);
      assert.equal(server.requests.length, 2);
      assert.equal(pool.inUse, 0);
    },
  );
});
