import assert from "node:assert/strict";
import { withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import {
  errorReply,
  reply,
  type ScriptedReply,
  type ScriptedRequest,
} from "../../../tests/support/scripted_server.ts";
import { PreconditionFailedError, ProtocolError } from "../errors.ts";

const NEVER = new AbortController().signal;
const CONDITION = { ifMatch: '"e"' };
const EMPTY = "<DeleteResult></DeleteResult>";

/** The requests of conditional deletions, of one key and of several, at the server of that name. */
async function requestsTo(
  server: string,
  answer: (request: ScriptedRequest) => ScriptedReply,
): Promise<ScriptedRequest[]> {
  let requests: ScriptedRequest[] = [];
  await withScriptedBucket((request) => {
    if (request.method === "HEAD") return reply(200, "", { Server: server, ETag: '"e"' });
    return answer(request);
  }, async ({ bucketStore: { store }, server }) => {
    await store.head("x", NEVER); // tells who the server is
    await store.delete("k", NEVER, CONDITION);
    await store.deleteMany(["plain", { key: "many", ...CONDITION }], NEVER);
    requests = server.requests.slice(1);
  });
  return requests;
}

Deno.test("deletions carry their condition where the server obeys it", async () => {
  const done = ({ method }: ScriptedRequest) => method === "POST" ? reply(200, EMPTY) : reply(204);
  const aws = await requestsTo("AmazonS3", done);
  assert.equal(aws[0]!.headers.get("if-match"), '"e"');
  assert.match(new TextDecoder().decode(aws[1]!.body), /<ETag>(&quot;|")e(&quot;|")<\/ETag>/);

  const versitygw = await requestsTo("VERSITYGW", done);
  assert.deepEqual(
    versitygw.map(({ method, target, headers }) => [method, target, headers.get("if-match")]),
    [
      ["DELETE", "/bkt/k", '"e"'],
      ["DELETE", "/bkt/many", '"e"'],
      ["POST", "/bkt?delete=", undefined],
    ],
  );

  const other = await requestsTo("somebody", done);
  assert.equal(other[0]!.headers.has("if-match"), false);
  assert.doesNotMatch(new TextDecoder().decode(other[1]!.body), /ETag/);
});

Deno.test("a deletion refused for want of the object is done", async () => {
  const failed = "<Error><Key>many</Key><Code>PreconditionFailed</Code></Error>";
  await withScriptedBucket(({ method }) => {
    if (method === "HEAD") return reply(404, "", { Server: "AmazonS3" });
    if (method === "DELETE") return errorReply(412, "PreconditionFailed");
    return reply(200, `<DeleteResult>${failed}</DeleteResult>`);
  }, async ({ bucketStore: { store } }) => {
    await store.delete("k", NEVER, CONDITION);
    assert.deepEqual(await store.deleteMany([{ key: "many", ...CONDITION }], NEVER), []);
  });
});

Deno.test("deletions of another version than the one meant are refused", async () => {
  await withScriptedBucket(({ method }) => {
    if (method === "HEAD") return reply(200, "", { Server: "VERSITYGW", ETag: '"e"' });
    if (method === "DELETE") return errorReply(412, "PreconditionFailed");
    return reply(200, EMPTY);
  }, async ({ bucketStore: { store } }) => {
    await store.head("x", NEVER);
    await assert.rejects(store.delete("k", NEVER, CONDITION), PreconditionFailedError);
    const failures = await store.deleteMany(["plain", { key: "many", ...CONDITION }], NEVER);
    assert.deepEqual(failures.map(({ key, code }) => [key, code]), [
      ["many", "PreconditionFailed"],
    ]);
  });
});

Deno.test("no deletion, and no object, is believed of a page that answers everything", async () => {
  const page = reply(200, "<html>sign in</html>");
  await withScriptedBucket(
    ({ method }) => method === "HEAD" ? reply(200) : page,
    async ({ bucketStore: { store } }) => {
      await assert.rejects(store.delete("k", NEVER), ProtocolError);
      await assert.rejects(store.abortMultipart("k", "id", NEVER), ProtocolError);
      await assert.rejects(store.head("k", NEVER), ProtocolError);
    },
  );
});
