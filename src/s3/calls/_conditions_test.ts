import assert from "node:assert/strict";
import { withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { errorReply, reply } from "../../../tests/support/scripted_server.ts";
import { PreconditionFailedError } from "../errors.ts";

const NEVER = new AbortController().signal;

Deno.test("a server that refuses conditions is asked first from then on", async () => {
  let exists = false;
  await withScriptedBucket(({ method, headers }) => {
    if (method === "HEAD") return exists ? reply(200, "", { ETag: '"e"' }) : reply(404);
    if (headers.has("if-none-match")) return errorReply(501, "NotImplemented");
    exists = true;
    return reply(200, "", { ETag: '"e"' });
  }, async ({ bucketStore: { store }, server }) => {
    const create = { ifNoneMatch: "*" } as const;
    await store.put("k", new Uint8Array(1), create, NEVER);
    assert.deepEqual(server.requests.map((request) => request.method), ["PUT", "HEAD", "PUT"]);
    await assert.rejects(
      store.put("k", new Uint8Array(2), create, NEVER),
      PreconditionFailedError,
    );
    await store.put("k", new Uint8Array(1), { ifMatch: '"e"' }, NEVER);
    assert.deepEqual(
      server.requests.slice(3).map((request) => request.method),
      // The second one is whether it is our own object that is in the way.
      ["HEAD", "HEAD", "HEAD", "PUT"],
    );
  });
});
