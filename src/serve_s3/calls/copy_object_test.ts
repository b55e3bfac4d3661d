import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  seededBytes,
  startTestServer,
  type TestServer,
} from "../../../tests/support/serve_s3_fixture.ts";

const PART = 5 * 2 ** 20;

const copy = (test: TestServer, to: string, from: string, headers: Record<string, string> = {}) =>
  test.send("PUT", to, { headers: { "x-amz-copy-source": from, ...headers } });

Deno.test("CopyObject takes over bytes and properties, or replaces the properties", async () => {
  await using test = await startTestServer();
  await test.send("PUT", "/other", {});
  const source = await test.send("PUT", "/bkt/a%20b%2B", {
    body: "hello",
    headers: { "x-amz-meta-a": "1", "content-type": "text/x", "x-amz-tagging": "t=1" },
  });
  for (const target of ["/bkt/copy", "/other/copy"]) {
    const copied = await copy(test, target, "/bkt/a%20b%2B");
    assert.equal(copied.status, 200, copied.text);
    assert.equal(copied.xml("ETag"), source.headers.get("etag"));
    const get = await test.send("GET", target);
    assert.deepEqual(
      ["content-type", "x-amz-meta-a", "x-amz-tagging-count"].map((name) => get.headers.get(name)),
      ["text/x", "1", "1"],
    );
    assert.equal(get.text, "hello");
  }
  await copy(test, "/bkt/copy", "bkt/a%20b%2B", {
    "x-amz-metadata-directive": "REPLACE",
    "x-amz-meta-b": "2",
    "content-type": "text/y",
  });
  const head = await test.send("HEAD", "/bkt/copy");
  assert.deepEqual(
    ["content-type", "x-amz-meta-a", "x-amz-meta-b"].map((name) => head.headers.get(name)),
    ["text/y", null, "2"],
  );
  await test.send("DELETE", "/bkt/a%20b%2B");
  assert.equal((await test.send("GET", "/bkt/copy")).text, "hello");
});

Deno.test("CopyObject onto itself must change something", async () => {
  await using test = await startTestServer();
  await test.send("PUT", "/bkt/key", { body: "x" });
  assert.equal((await copy(test, "/bkt/key", "/bkt/key")).xml("Code"), "InvalidRequest");
  for (
    const headers of [
      { "x-amz-metadata-directive": "REPLACE", "x-amz-meta-a": "1" },
      { "x-amz-storage-class": "STANDARD_IA" },
    ]
  ) {
    assert.equal((await copy(test, "/bkt/key", "/bkt/key", headers)).status, 200);
  }
  const head = await test.send("HEAD", "/bkt/key");
  assert.equal(head.headers.get("x-amz-storage-class"), "STANDARD_IA");
  assert.equal(head.headers.get("x-amz-meta-a"), "1");
});

Deno.test("CopyObject checks the conditions on source and target", async () => {
  await using test = await startTestServer();
  const etag = (await test.send("PUT", "/bkt/key", { body: "x" })).headers.get("etag")!;
  const status = async (headers: Record<string, string>) =>
    (await copy(test, "/bkt/copy", "/bkt/key", headers)).status;
  assert.equal(await status({ "x-amz-copy-source-if-match": '"other"' }), 412);
  assert.equal(await status({ "x-amz-copy-source-if-none-match": etag }), 412);
  assert.equal(await status({ "x-amz-copy-source-if-match": etag, "if-none-match": "*" }), 200);
  assert.equal(await status({ "if-none-match": "*" }), 412);
  assert.equal(await status({ "if-match": '"other"' }), 412);
  assert.equal(await status({ "if-match": etag }), 200);
  assert.equal((await copy(test, "/bkt/copy", "/bkt/absent")).xml("Code"), "NoSuchKey");
  assert.equal((await copy(test, "/bkt/copy", "/absent/key")).xml("Code"), "NoSuchBucket");
  for (const source of ["bkt", "/bkt/", "%zz/key"]) {
    assert.equal((await copy(test, "/bkt/copy", source)).xml("Code"), "InvalidArgument", source);
  }
});

Deno.test("UploadPartCopy takes ranges of large sources; a copy of the result has a plain MD5", async () => {
  await using test = await startTestServer();
  const bytes = seededBytes(PART + 1000, 3);
  await test.send("PUT", "/bkt/source", { body: bytes });
  await test.send("PUT", "/bkt/small", { body: "small" });
  const id = (await test.send("POST", "/bkt/key?uploads")).xml("UploadId")!;
  const part = (number: number, from: string, range?: string) =>
    copy(test, `/bkt/key?partNumber=${number}&uploadId=${id}`, from, {
      ...(range && { "x-amz-copy-source-range": range }),
    });
  const refused: [string, string, string][] = [
    ["InvalidArgument", "/bkt/source", `bytes=0-${bytes.length}`],
    ["InvalidArgument", "/bkt/source", "bytes=5-"],
    ["InvalidRequest", "/bkt/small", "bytes=0-1"],
  ];
  for (const [code, from, range] of refused) {
    assert.equal((await part(1, from, range)).xml("Code"), code, range);
  }
  const etags = [
    await part(1, "/bkt/source", `bytes=1000-${PART + 999}`),
    await part(2, "/bkt/small"),
  ].map((answer) => answer.xml("ETag"));
  const expected = new Uint8Array([...bytes.subarray(1000), ...new TextEncoder().encode("small")]);
  const listed = etags.map((etag, i) =>
    `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`
  );
  const complete = await test.send("POST", `/bkt/key?uploadId=${id}`, {
    body: `<CompleteMultipartUpload>${listed.join("")}</CompleteMultipartUpload>`,
  });
  assert.match(complete.xml("ETag") ?? "", /^"[0-9a-f]{32}-2"$/);
  assert.deepEqual((await test.send("GET", "/bkt/key")).bytes, expected);
  const copied = await copy(test, "/bkt/copy", "/bkt/key");
  assert.equal(copied.xml("ETag"), `"${createHash("md5").update(expected).digest("hex")}"`);
  assert.deepEqual((await test.send("GET", "/bkt/copy")).bytes, expected);
});
