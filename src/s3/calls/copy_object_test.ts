import assert from "node:assert/strict";
import { withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { errorReply, reply } from "../../../tests/support/scripted_server.ts";
import { NotFoundError, PreconditionFailedError, ProtocolError } from "../errors.ts";
import type { CopyOptions, CopySource } from "../object_store.ts";

const NEVER = new AbortController().signal;
const SOURCE: CopySource = { key: "s", ifMatch: '"old"' };
const CREATE: CopyOptions = { ifNoneMatch: "*" };
const REPLACE: CopyOptions = { ifMatch: '"target"' };

/** A server that obeys all conditions ("AmazonS3") or not, and whose source has the ETag `sourceEtag`. */
async function refusal(
  server: string,
  answer: string,
  sourceEtag: string | undefined,
  source: CopySource,
  options: CopyOptions,
): Promise<unknown> {
  let failure: unknown;
  await withScriptedBucket(({ method, target }) => {
    if (method === "DELETE") return reply(204, "", { Server: server });
    if (method === "PUT") return answer;
    if (target === "/bkt/s" && sourceEtag !== undefined) {
      return reply(200, "", { ETag: sourceEtag });
    }
    return reply(404);
  }, async ({ bucketStore: { store } }) => {
    await store.delete("x", NEVER); // tells who the server is
    await store.copy(source, "k", options, NEVER).catch((error: unknown) => failure = error);
  });
  return failure;
}

function subject(error: unknown): string {
  assert.ok(error instanceof PreconditionFailedError, String(error));
  return error.what;
}

Deno.test("a copy that is refused tells whether it was for its source or its target", async () => {
  const bare = errorReply(412, "PreconditionFailed");
  const named = errorReply(
    412,
    "PreconditionFailed",
    {},
    "<Condition>x-amz-copy-source-If-Match</Condition>",
  );
  const gone = errorReply(404, "NoSuchKey");
  const aws = "AmazonS3";
  assert.equal(subject(await refusal(aws, named, '"old"', SOURCE, CREATE)), "source");
  assert.equal(subject(await refusal(aws, bare, '"old"', SOURCE, CREATE)), "target");
  assert.equal(subject(await refusal(aws, bare, '"new"', SOURCE, CREATE)), "source");
  assert.equal(subject(await refusal(aws, bare, undefined, SOURCE, CREATE)), "source");
  assert.equal(subject(await refusal(aws, gone, '"old"', SOURCE, REPLACE)), "target");
  assert.equal(subject(await refusal(aws, gone, undefined, SOURCE, REPLACE)), "source");
  // Where the target was looked at before, only the source is left.
  assert.equal(subject(await refusal("MinIO", bare, '"old"', SOURCE, CREATE)), "source");
  assert.equal(subject(await refusal("MinIO", gone, undefined, SOURCE, {})), "source");
});

Deno.test("a source that is gone is a missing object where no version of it was asked for", async () => {
  const gone = errorReply(404, "NoSuchKey");
  const error = await refusal("AmazonS3", gone, undefined, { key: "s" }, CREATE);
  assert.ok(error instanceof NotFoundError);
  assert.equal(error.details.key, "s");
});

Deno.test("a condition that was checked before costs no look where the server cannot check it", async () => {
  const asked: string[] = [];
  await withScriptedBucket(({ method, headers }) => {
    asked.push(method);
    if (method === "DELETE") return reply(204, "", { Server: "MinIO" });
    if (method === "HEAD") return reply(404);
    assert.equal(headers.get("if-none-match"), undefined);
    return reply(
      200,
      "<CopyObjectResult><LastModified>x</LastModified><ETag>&quot;e&quot;</ETag></CopyObjectResult>",
    );
  }, async ({ bucketStore: { store } }) => {
    await store.delete("x", NEVER);
    assert.deepEqual(await store.copy(SOURCE, "k", CREATE, NEVER), { etag: '"e"' });
    assert.deepEqual(asked, ["DELETE", "HEAD", "PUT"]);
    await store.copy(SOURCE, "k", { ...CREATE, isChecked: true }, NEVER);
    assert.deepEqual(asked, ["DELETE", "HEAD", "PUT", "PUT"]);
  });
});

Deno.test("an answer to a copy without an ETag is an error", async () => {
  for (const body of ["", "<LastModified>x</LastModified>", "<ETag>"]) {
    await withScriptedBucket(
      () => reply(200, `<CopyObjectResult>${body}</CopyObjectResult>`),
      async ({ bucketStore: { store } }) => {
        await assert.rejects(store.copy(SOURCE, "k", {}, NEVER), ProtocolError);
      },
    );
  }
});
