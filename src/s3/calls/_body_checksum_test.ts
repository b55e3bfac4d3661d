import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  failureOf,
  type ScriptedBucket,
  TEST_DEADLINES,
  withScriptedBucket,
} from "../../../tests/support/scripted_bucket.ts";
import { errorReply, reply, type ScriptedRequest } from "../../../tests/support/scripted_server.ts";
import { IntegrityError } from "../errors.ts";
import type { ObjectStore } from "../object_store.ts";

const NEVER = new AbortController().signal;
const BODY = new TextEncoder().encode("content");
const MD5 = createHash("md5").update(BODY).digest();
const ETAG = `"${MD5.toString("hex")}"`;
const OTHER_ETAG = `"${"0".repeat(32)}"`;
const CRC32 = Uint8Array.of(0xfe, 0xc5, 0x30, 0xa9);

const PUT = (store: ObjectStore) => store.put("k", BODY, {}, NEVER);
const PART = (store: ObjectStore) => store.uploadPart("k", "u", 1, BODY, NEVER);

/** Runs `work` against a server that says what it is and takes everything; returns the request. */
async function requestOf(
  server: string,
  work: (store: ObjectStore) => Promise<unknown>,
  answer: Readonly<Record<string, string>> = { ETag: ETAG },
): Promise<ScriptedRequest> {
  let request: ScriptedRequest | undefined;
  await withScriptedBucket(
    ({ method }) => reply(200, "", { Server: server, ...(method === "PUT" ? answer : {}) }),
    async ({ bucketStore: { store }, server }: ScriptedBucket) => {
      await store.abortMultipart("k", "x", NEVER); // tells who the server is
      await work(store);
      request = server.requests[1];
      assert.equal(server.requests.length, 2);
    },
    { deadlines: { ...TEST_DEADLINES, totalMs: 200 } },
  );
  return request!;
}

Deno.test("every body goes with a checksum that the server takes", async () => {
  for (const work of [PUT, PART]) {
    const unknown = await requestOf("somebody", work);
    assert.equal(unknown.headers.get("content-md5"), MD5.toString("base64"));
    assert.equal(unknown.headers.has("x-amz-checksum-crc32"), false);
    const crc = await requestOf("MinIO", work);
    assert.equal(crc.headers.get("x-amz-checksum-crc32"), CRC32.toBase64());
    assert.equal(crc.headers.has("content-md5"), false);
    for (const { headers } of [unknown, crc]) {
      const signed = createHash("sha256").update(BODY).digest("hex");
      assert.equal(headers.get("x-amz-content-sha256"), signed);
    }
  }
  const part = await requestOf("AmazonS3", PART);
  assert.equal(part.headers.get("content-md5"), MD5.toString("base64"));
});

Deno.test("a large body on a safe way is not hashed for the signature as well", async () => {
  const large = new Uint8Array(2 ** 20);
  const md5 = createHash("md5").update(large).digest();
  const part = await requestOf(
    "somebody",
    (store) => store.uploadPart("k", "u", 1, large, NEVER),
    { ETag: `"${md5.toString("hex")}"` },
  );
  assert.equal(part.headers.get("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
  assert.equal(part.headers.get("content-md5"), md5.toString("base64"));
});

Deno.test("where a body that is not signed is refused, it is signed from then on", async () => {
  const large = new Uint8Array(2 ** 20);
  const isSigned = ({ headers }: ScriptedRequest) =>
    headers.get("x-amz-content-sha256") !== "UNSIGNED-PAYLOAD";
  await withScriptedBucket(
    (request) =>
      isSigned(request) ? reply(200, "", { ETag: '"e"' }) : errorReply(403, "AccessDenied"),
    async ({ bucketStore: { store }, server }) => {
      for (const key of ["a", "b"]) await store.put(key, large, {}, NEVER);
      assert.deepEqual(
        server.requests.map((request) => [request.target, isSigned(request)]),
        [["/bkt/a", false], ["/bkt/a", true], ["/bkt/b", true]],
      );
    },
  );
});

Deno.test("the MD5 of a part is told where it is known", async () => {
  const md5 = MD5.toString("hex");
  const told = async (answer: Readonly<Record<string, string>>) => {
    let part;
    await requestOf("MinIO", async (store) => part = await PART(store), answer);
    return part;
  };
  const crc = { "x-amz-checksum-crc32": CRC32.toBase64() };
  assert.deepEqual(await told({ ETag: ETAG, ...crc }), { partNumber: 1, etag: ETAG, md5 });
  const kms = { "x-amz-server-side-encryption": "aws:kms" };
  assert.deepEqual(await told({ ETag: ETAG, ...crc, ...kms }), { partNumber: 1, etag: ETAG });
});

Deno.test("an answer that tells of other bytes is no success", async () => {
  for (const work of [PUT, PART]) {
    const wrong = await failureOf(reply(200, "", { ETag: OTHER_ETAG }), work);
    assert.ok(wrong instanceof IntegrityError);
    assert.match(wrong.message, /is not what was sent/);
    const crc = {
      Server: "MinIO",
      ETag: ETAG,
      "x-amz-checksum-crc32": Uint8Array.of(1, 2, 3, 4).toBase64(),
    };
    await assert.rejects(requestOf("MinIO", work, crc), IntegrityError);
    // A server that does not repeat the checksum is still held to its ETag.
    await assert.rejects(requestOf("MinIO", work, { ETag: OTHER_ETAG }), IntegrityError);
  }
});

Deno.test("ETags that are no MD5s are not compared", async () => {
  const answers = [
    { ETag: '"a-version"' },
    { ETag: OTHER_ETAG, "x-amz-server-side-encryption": "aws:kms" },
    { ETag: OTHER_ETAG, "x-amz-server-side-encryption-customer-algorithm": "AES256" },
  ];
  for (const answer of answers) await requestOf("somebody", PUT, answer);
});

Deno.test("a damaged object is replaced by the repetition, also where none was allowed", async () => {
  await withScriptedBucket(
    (_request, index) => reply(200, "", { ETag: index === 0 ? OTHER_ETAG : ETAG }),
    async ({ bucketStore: { store }, server }) => {
      const options = { ifNoneMatch: "*", metadata: { a: "1" } } as const;
      assert.deepEqual(await store.put("k", BODY, options, NEVER), { etag: ETAG });
      const [first, second] = server.requests;
      assert.equal(first!.headers.get("if-none-match"), "*");
      assert.equal(second!.headers.has("if-none-match"), false);
      assert.equal(second!.headers.get("if-match"), OTHER_ETAG);
      assert.equal(second!.headers.get("x-amz-meta-a"), "1");
      assert.equal(server.requests.length, 2);
    },
  );
});

Deno.test("an object that is not made of the parts that were sent is no success", async () => {
  const parts = [{ partNumber: 1, etag: ETAG }];
  const complete = (store: ObjectStore) => store.completeMultipart("k", "u", parts, {}, NEVER);
  const answer = (etag: string) =>
    reply(
      200,
      `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
    );
  const wrong = await failureOf(answer(`"${"0".repeat(32)}-1"`), complete);
  assert.ok(wrong instanceof IntegrityError);
  const right = createHash("md5").update(MD5).digest("hex");
  for (const etag of [`"${right}-1"`, '"opaque"']) {
    await withScriptedBucket(() => answer(etag), async ({ bucketStore: { store } }) => {
      assert.deepEqual(await complete(store), { etag });
    });
  }
});
