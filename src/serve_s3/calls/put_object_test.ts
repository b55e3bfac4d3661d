import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { seededBytes, sendRaw, startTestServer } from "../../../tests/support/serve_s3_fixture.ts";

const md5 = (data: string) => createHash("md5").update(data).digest("base64");

Deno.test("PutObject refuses a body that is not what its digests say, and keeps nothing of it", async () => {
  await using test = await startTestServer();
  const sha = createHash("sha256").update("other").digest();
  const cases: [string, Record<string, string>][] = [
    ["BadDigest", { "content-md5": md5("other") }],
    ["InvalidDigest", { "content-md5": "abc" }],
    ["BadDigest", { "x-amz-checksum-crc32": "AAAAAA==" }],
    ["BadDigest", { "x-amz-checksum-crc64nvme": "AAAAAAAAAAA=" }],
    ["BadDigest", { "x-amz-checksum-sha256": sha.toString("base64") }],
    ["InvalidRequest", { "x-amz-checksum-crc32": "AAA" }],
    ["InvalidRequest", { "x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-crc32c": "AAAAAA==" }],
    ["InvalidRequest", { "x-amz-sdk-checksum-algorithm": "CRC32" }],
    ["XAmzContentSHA256Mismatch", { "x-amz-content-sha256": sha.toString("hex") }],
    ["InvalidArgument", { "x-amz-content-sha256": "nonsense" }],
  ];
  for (const [code, headers] of cases) {
    const answer = await test.send("PUT", "/bkt/key", { body: "hello", headers });
    assert.equal(answer.xml("Code"), code, JSON.stringify(headers));
  }
  assert.equal((await test.send("HEAD", "/bkt/key")).status, 404);
  assert.deepEqual([...Deno.readDirSync(`${test.directory}/bkt/blobs`)], []);
});

Deno.test("PutObject verifies, keeps and returns each kind of checksum", async () => {
  await using test = await startTestServer();
  // Of the bytes "123456789": the catalogued check values of the CRCs, in base64.
  const values = {
    crc32: "y/Q5Jg==",
    crc32c: "4waSgw==",
    crc64nvme: "rosUhgp5mIg=",
    sha1: createHash("sha1").update("123456789").digest("base64"),
    sha256: createHash("sha256").update("123456789").digest("base64"),
  };
  for (const [algorithm, value] of Object.entries(values)) {
    const header = `x-amz-checksum-${algorithm}`;
    const put = await test.send("PUT", "/bkt/key", {
      body: "123456789",
      headers: { [header]: value, "content-md5": md5("123456789") },
    });
    assert.equal(put.headers.get(header), value);
    const get = await test.send("GET", "/bkt/key", {
      headers: { "x-amz-checksum-mode": "ENABLED" },
    });
    assert.equal(get.headers.get(header), value);
    assert.equal(get.headers.get("x-amz-checksum-type"), "FULL_OBJECT");
    assert.equal((await test.send("GET", "/bkt/key")).headers.get(header), null);
  }
});

Deno.test("PutObject keeps metadata and system headers, within limits", async () => {
  await using test = await startTestServer();
  const kept = {
    "content-disposition": "inline",
    "content-encoding": "compress",
    "content-language": "de",
    "expires": "Thu, 01 Dec 2030 16:00:00 GMT",
    "x-amz-meta-mode": "33188",
    "x-amz-storage-class": "STANDARD_IA",
    "x-amz-tagging-count": "2",
  };
  const { "x-amz-tagging-count": _, ...sent } = kept;
  await test.send("PUT", "/bkt/key", {
    body: "x",
    headers: { ...sent, "content-encoding": "aws-chunked,compress", "x-amz-tagging": "a=1&b=2" },
  });
  const head = await test.send("HEAD", "/bkt/key");
  for (const [name, value] of Object.entries(kept)) {
    assert.equal(head.headers.get(name), value, name);
  }
  await test.send("PUT", "/bkt/untyped", { body: new Uint8Array(1) });
  const untyped = await test.send("HEAD", "/bkt/untyped");
  assert.equal(untyped.headers.get("content-type"), "binary/octet-stream");
  const refused: [string, Record<string, string>][] = [
    ["MetadataTooLarge", { "x-amz-meta-a": "v".repeat(2048) }],
    ["InvalidStorageClass", { "x-amz-storage-class": "CHEAP" }],
    ["InvalidTag", { "x-amz-tagging": "a=1&a=2" }],
  ];
  for (const [code, headers] of refused) {
    assert.equal((await test.send("PUT", "/bkt/key", { body: "x", headers })).xml("Code"), code);
  }
  const fits = { "x-amz-meta-a": "v".repeat(2047) };
  assert.equal((await test.send("PUT", "/bkt/key", { body: "x", headers: fits })).status, 200);
});

Deno.test("PutObject refuses long keys, unknown lengths, too large bodies and missing buckets", async () => {
  await using test = await startTestServer();
  const long = "k".repeat(1024);
  assert.equal((await test.send("PUT", `/bkt/${long}`, { body: "x" })).status, 200);
  assert.equal((await test.send("PUT", `/bkt/${long}k`)).xml("Code"), "KeyTooLongError");
  assert.equal((await test.send("PUT", "/absent/key")).xml("Code"), "NoSuchBucket");
  const chunked = await sendRaw(test.server, "PUT", "/bkt/key", {
    headers: {
      "content-length": "0",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    },
  });
  assert.equal(chunked.xml("Code"), "MissingContentLength");
  const huge = await sendRaw(test.server, "PUT", "/bkt/key", {
    headers: { "content-length": String(5 * 2 ** 30 + 1), "expect": "100-continue" },
  });
  assert.equal(huge.xml("Code"), "EntityTooLarge");
});

Deno.test("conditional PutObject: 412 when the condition fails, 404 when there is nothing to match", async () => {
  await using test = await startTestServer();
  const put = (headers: Record<string, string>) =>
    test.send("PUT", "/bkt/key", { body: "x", headers });
  assert.equal((await put({ "if-match": '"any"' })).xml("Code"), "NoSuchKey");
  const first = await put({ "if-none-match": "*" });
  assert.equal(first.status, 200);
  const again = await put({ "if-none-match": "*" });
  assert.deepEqual([again.status, again.xml("Condition")], [412, "If-None-Match"]);
  assert.equal((await put({ "if-match": '"other"' })).status, 412);
  assert.equal((await put({ "if-match": first.headers.get("etag")! })).status, 200);
  assert.equal((await put({ "if-none-match": '"etag"' })).status, 501);
});

Deno.test("of racing conditional writes exactly one wins", async () => {
  await using test = await startTestServer();
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      test.send("PUT", "/bkt/key", {
        body: seededBytes(300_000, i),
        headers: { "if-none-match": "*" },
      })),
  );
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, ...Array(7).fill(412)]);
});

Deno.test("a conditional write whose object is deleted meanwhile is a conflict", async () => {
  await using test = await startTestServer();
  const etag = (await test.send("PUT", "/bkt/key", { body: "x" })).headers.get("etag")!;
  for (const condition of [{ "if-none-match": "*" }, { "if-match": etag }]) {
    await test.send("PUT", "/bkt/key", { body: "x" });
    test.server.counts.reset();
    const { port } = test.server;
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const [[name, value]] = Object.entries(condition) as [[string, string]];
    const head = `PUT /bkt/key HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
      `Content-Length: 10\r\n${name}: ${value}\r\n\r\n12345`;
    await connection.write(new TextEncoder().encode(head));
    // The server has begun when the operation is counted.
    while (test.server.counts.get("PutObject") < 1) await test.send("HEAD", "/bkt");
    await test.send("DELETE", "/bkt/key");
    await connection.write(new TextEncoder().encode("67890"));
    const answer = await new Response(connection.readable).text();
    assert.match(answer, /409 Conflict[^]*<Code>ConditionalRequestConflict</);
  }
});
