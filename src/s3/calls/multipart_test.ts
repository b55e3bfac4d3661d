import assert from "node:assert/strict";
import { failureOf, withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { errorReply, reply, type ScriptedReply } from "../../../tests/support/scripted_server.ts";
import { ProtocolError } from "../errors.ts";
import type { ObjectStore } from "../object_store.ts";

const NEVER = new AbortController().signal;

Deno.test("answers without what they must tell are errors", async () => {
  const works: [ScriptedReply, (store: ObjectStore) => Promise<unknown>][] = [
    [reply(200), (store) => store.put("k", new Uint8Array(1), {}, NEVER)],
    [reply(200), (store) => store.uploadPart("k", "u", 1, new Uint8Array(1), NEVER)],
    [reply(200, "<CopyObjectResult/>"), (store) => store.copy({ key: "s" }, "k", {}, NEVER)],
    [
      reply(200, "<InitiateMultipartUploadResult></InitiateMultipartUploadResult>"),
      (store) => store.createMultipart("k", {}, NEVER),
    ],
    [
      reply(200, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"),
      (store) => store.completeMultipart("k", "u", [], {}, NEVER),
    ],
  ];
  for (const [answer, work] of works) {
    const error = await failureOf(answer, work);
    assert.ok(error instanceof ProtocolError, `${answer}: ${error}`);
  }
});

Deno.test("an upload is not begun twice unnoticed", async () => {
  const begun =
    "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
  const listed = "<ListMultipartUploadsResult></ListMultipartUploadsResult>";
  await withScriptedBucket(({ method }, index) => {
    if (method === "GET") return reply(200, listed);
    if (method === "DELETE") return reply(204);
    return index === 1 ? ["close"] : reply(200, begun);
  }, async ({ bucketStore: { store, stats }, server }) => {
    await store.delete("another", NEVER); // leaves a connection that can be used again
    assert.equal(await store.createMultipart("k", {}, NEVER), "u");
    const methods = server.requests.map(({ method }) => method);
    assert.deepEqual(methods, ["DELETE", "POST", "POST", "GET"]);
    assert.equal(stats.snapshot().retries, 1);
  });
});

Deno.test("error documents in answers with status 200 are errors, and repeated", async () => {
  const failed = errorReply(200, "InternalError");
  const range = { start: 0, end: 1 };
  const works: [string, (store: ObjectStore) => Promise<unknown>][] = [
    ["CopyObjectResult", (store) => store.copy({ key: "s" }, "k", {}, NEVER)],
    ["CopyPartResult", (store) => store.uploadPartCopy("k", "u", 1, { key: "s" }, range, NEVER)],
    [
      "CompleteMultipartUploadResult",
      (store) => store.completeMultipart("k", "u", [{ partNumber: 1, etag: '"e"' }], {}, NEVER),
    ],
  ];
  for (const [root, work] of works) {
    // White space keeps the connection alive while the server works.
    const good = reply(200, `<?xml version="1.0"?>\n   \n<${root}><ETag>"e"</ETag></${root}>`);
    await withScriptedBucket(
      (_request, index) => index === 0 ? failed : good,
      async ({ bucketStore: { store, stats }, server }) => {
        await work(store);
        assert.equal(server.requests.length, 2);
        assert.equal(stats.snapshot().retries, 1);
      },
    );
    const error = await failureOf(errorReply(200, "AccessDenied"), work);
    assert.equal(error.details.code, "AccessDenied");
  }
});
