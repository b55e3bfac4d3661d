import assert from "node:assert/strict";
import { withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { reply } from "../../../tests/support/scripted_server.ts";

const NEVER = new AbortController().signal;

Deno.test("deletions that fail are told by key", async () => {
  const answer = reply(
    200,
    "<DeleteResult><Error><Key>a&amp;b</Key><Code>AccessDenied</Code><Message>no</Message></Error>" +
      "<Error><Key>gone</Key><Code>NoSuchKey</Code></Error></DeleteResult>",
  );
  await withScriptedBucket(() => answer, async ({ bucketStore: { store }, server }) => {
    assert.deepEqual(await store.deleteMany(["a&b", "gone"], NEVER), [
      { key: "a&b", code: "AccessDenied", message: "no" },
    ]);
    const [request] = server.requests;
    assert.ok(request!.headers.has("content-md5"));
    assert.ok(!request!.headers.has("x-amz-checksum-crc32"));
    assert.match(new TextDecoder().decode(request!.body), /<Key>a&amp;b<\/Key>/);
  });
});
Deno.test("keys that XML cannot carry are deleted one by one", async () => {
  await withScriptedBucket(
    ({ method }) => method === "POST" ? reply(200, "<DeleteResult></DeleteResult>") : reply(204),
    async ({ bucketStore: { store }, server }) => {
      await store.deleteMany(["plain", "bell\u0007"], NEVER);
      assert.deepEqual(server.requests.map(({ method, target }) => `${method} ${target}`), [
        "DELETE /bkt/bell%07",
        "POST /bkt?delete=",
      ]);
    },
  );
});
