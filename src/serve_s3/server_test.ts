import assert from "node:assert/strict";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { FetchHttpHandler } from "@smithy/fetch-http-handler";
import { AwsClient } from "aws4fetch";
import { type Clock, systemClock } from "../base/clock.ts";
import {
  seededBytes,
  sendRaw,
  startTestServer,
  type TestServer,
} from "../../tests/support/serve_s3_fixture.ts";
import { startS3Server } from "./server.ts";

const keys = { accessKeyId: "access", secretAccessKey: "secret/+=" };
const region = "eu-central-1";

function signer(overrides: Partial<ConstructorParameters<typeof AwsClient>[0]> = {}): AwsClient {
  return new AwsClient({ ...keys, region, service: "s3", retries: 0, ...overrides });
}

async function codeOf(response: Response): Promise<string | undefined> {
  return /<Code>(\w+)</.exec(await response.text())?.[1];
}

Deno.test("with keys, signed requests are served and others are refused with the reason", async () => {
  await using test = await startTestServer({ ...keys, region });
  const { url } = test.server;
  const good = signer();
  const ok = async (response: Promise<Response>) =>
    assert.equal(await codeOf(await response), undefined);
  await ok(good.fetch(new Request(`${url}/bkt`, { method: "PUT" })));
  const object = `${url}/bkt/a%20b%2Bc/%C3%A9%3F%23`;
  await ok(good.fetch(new Request(object, { method: "PUT", body: "hello" })));
  const get = await good.fetch(object);
  assert.equal(await get.text(), "hello");
  const presigned = await good.sign(`${object}?X-Amz-Expires=60`, {
    aws: { signQuery: true },
  });
  assert.equal(await (await fetch(presigned)).text(), "hello");

  assert.equal((await test.send("GET", "/bkt")).xml("Code"), "AccessDenied");
  const refused: [string, AwsClient][] = [
    ["InvalidAccessKeyId", signer({ accessKeyId: "other" })],
    ["SignatureDoesNotMatch", signer({ secretAccessKey: "other" })],
  ];
  for (const [code, client] of refused) {
    assert.equal(await codeOf(await client.fetch(`${url}/bkt`)), code);
  }
  const elsewhere = await (await signer({ region: "us-west-2" }).fetch(`${url}/bkt`)).text();
  assert.match(elsewhere, /<Code>AuthorizationHeaderMalformed<[^]*<Region>eu-central-1</);
});

Deno.test("a client whose clock is 15 minutes off is told so", async () => {
  const clock: Clock = { ...systemClock, nowMs: () => Date.now() + 16 * 60e3 };
  await using test = await startTestServer({ ...keys, region, clock });
  const response = await signer().fetch(`${test.server.url}/bkt`);
  assert.match(await response.text(), /<Code>RequestTimeTooSkewed<[^]*<ServerTime>/);
});

Deno.test("the AWS SDK works against the server, its checksums included", async () => {
  await using test = await startTestServer({ ...keys, region });
  const client = new S3Client({
    endpoint: test.server.url,
    region,
    credentials: keys,
    forcePathStyle: true,
    maxAttempts: 1,
    requestHandler: new FetchHttpHandler(),
  });
  const at = { Bucket: "bkt" };
  await client.send(new CreateBucketCommand(at));
  assert.equal((await client.send(new HeadBucketCommand(at))).BucketRegion, region);
  const body = seededBytes(200_000, 5);
  await client.send(
    new PutObjectCommand({ ...at, Key: "dir/ä +.bin", Body: body, Metadata: { a: "1" } }),
  );
  await client.send(new PutObjectCommand({ ...at, Key: "plain", Body: "text" }));
  const got = await client.send(new GetObjectCommand({ ...at, Key: "dir/ä +.bin" }));
  assert.deepEqual(await got.Body!.transformToByteArray(), body);
  assert.deepEqual(got.Metadata, { a: "1" });
  await client.send(
    new CopyObjectCommand({ ...at, Key: "copy", CopySource: "bkt/dir/%C3%A4%20%2B.bin" }),
  );
  const listed = await client.send(new ListObjectsV2Command({ ...at, Delimiter: "/" }));
  assert.deepEqual(listed.Contents?.map((object) => object.Key), ["copy", "plain"]);
  assert.deepEqual(listed.CommonPrefixes, [{ Prefix: "dir/" }]);
  await client.send(
    new DeleteObjectsCommand({ ...at, Delete: { Objects: [{ Key: "copy" }, { Key: "plain" }] } }),
  );
  await assert.rejects(client.send(new GetObjectCommand({ ...at, Key: "copy" })), {
    name: "NoSuchKey",
  });
  client.destroy();
});

const ODD_KEYS = [
  "a/../b",
  "..",
  ".",
  "./.",
  "//",
  "a//b",
  "/leading",
  "dir/",
  "dir",
  "dir/file",
  "\0",
  "nul\0inside",
  "new\nline\r\t",
  " ",
  " lead and trail ",
  "plus+percent%41%",
  "question?hash#amp&eq=",
  "back\\slash:colon*star",
  "e\u0301",
  "\u00e9",
  "\u{1f468}\u200d\u{1f469}",
  "'quotes\"<xml>]]>",
  "Case",
  "case",
  "a".repeat(1024),
  "\u20ac".repeat(341),
  "con.txt",
];

async function listKeys(test: TestServer): Promise<string[]> {
  const page = await test.send("GET", "/bkt?list-type=2&encoding-type=url");
  return page.all("Key").map((key) => decodeURIComponent(key.replaceAll("+", " ")));
}

Deno.test("every key is stored under its own name, and is there after a restart", async () => {
  await using test = await startTestServer();
  const target = (key: string) => `/bkt/${encodeURIComponent(key)}`;
  for (const [i, key] of ODD_KEYS.entries()) {
    const put = await sendRaw(test.server, "PUT", target(key), { body: `content ${i}` });
    assert.equal(put.status, 200, JSON.stringify(key));
  }
  assert.equal(
    (await sendRaw(test.server, "GET", "/bkt/+")).text,
    `content ${ODD_KEYS.indexOf(" ")}`,
  );
  // Unescaped dots and slashes are part of the key too.
  assert.equal((await sendRaw(test.server, "GET", "/bkt/a/../b")).text, "content 0");
  const check = async () => {
    assert.deepEqual((await listKeys(test)).sort(), [...ODD_KEYS].sort());
    for (const [i, key] of ODD_KEYS.entries()) {
      const got = await sendRaw(test.server, "GET", target(key));
      assert.equal(got.text, `content ${i}`, JSON.stringify(key));
    }
  };
  await check();
  await test.restart();
  await check();
  for (const key of ODD_KEYS) await sendRaw(test.server, "DELETE", target(key));
  assert.deepEqual(await listKeys(test), []);
});

Deno.test("a restart keeps everything but blobs that nothing refers to", async () => {
  await using test = await startTestServer();
  const versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
  await test.send("PUT", "/bkt?versioning", { body: versioning });
  await test.send("PUT", "/bkt/key", { body: "one" });
  await test.send("PUT", "/bkt/key", {
    body: "two",
    headers: { "x-amz-meta-a": "1", "x-amz-tagging": "t=1" },
  });
  const id = (await test.send("POST", "/bkt/up?uploads")).xml("UploadId");
  await test.send("PUT", `/bkt/up?partNumber=1&uploadId=${id}`, { body: "part" });
  const stray = `${test.directory}/bkt/blobs/${"0".repeat(32)}`;
  Deno.writeTextFileSync(stray, "left by a crash");
  Deno.mkdirSync(`${test.directory}/foreign`);
  const before = [
    await test.send("GET", "/bkt?versions"),
    await test.send("GET", "/bkt?uploads"),
    await test.send("GET", `/bkt/up?uploadId=${id}`),
    await test.send("GET", "/bkt/key?tagging"),
  ].map((answer) => answer.text);
  await test.restart();
  const after = [
    await test.send("GET", "/bkt?versions"),
    await test.send("GET", "/bkt?uploads"),
    await test.send("GET", `/bkt/up?uploadId=${id}`),
    await test.send("GET", "/bkt/key?tagging"),
  ].map((answer) => answer.text);
  assert.deepEqual(after, before);
  assert.equal((await test.send("GET", "/bkt/key")).headers.get("x-amz-meta-a"), "1");
  assert.throws(() => Deno.statSync(stray), Deno.errors.NotFound);
  assert.deepEqual((await test.send("GET", "/")).all("Name"), ["bkt"]);
  assert.equal((await test.send("PUT", "/foreign")).xml("Code"), "BucketAlreadyExists");
});

Deno.test("buckets are made, found, listed and removed by the rules", async () => {
  await using test = await startTestServer({ region });
  const code = async (method: string, target: string, body?: string) =>
    (await test.send(method, target, body === undefined ? {} : { body })).xml("Code");
  for (const name of ["ab", "Upper", "-a-", "a..b", "1.2.3.4", "a_b", "x".repeat(64)]) {
    assert.equal(await code("PUT", `/${name}`), "InvalidBucketName", name);
  }
  assert.equal(await code("PUT", "/bkt"), "BucketAlreadyOwnedByYou");
  const located = (place: string) =>
    `<CreateBucketConfiguration><LocationConstraint>${place}</LocationConstraint></CreateBucketConfiguration>`;
  assert.equal(
    await code("PUT", "/second", located("us-west-1")),
    "IllegalLocationConstraintException",
  );
  assert.equal(await code("PUT", "/second", located(region)), undefined);
  assert.deepEqual((await test.send("GET", "/")).all("Name"), ["bkt", "second"]);
  assert.match((await test.send("GET", "/bkt?location")).text, />eu-central-1</);
  assert.equal((await test.send("HEAD", "/bkt")).headers.get("x-amz-bucket-region"), region);
  assert.equal((await test.send("HEAD", "/absent")).status, 404);
  await test.send("PUT", "/second/key", { body: "x" });
  assert.equal(await code("DELETE", "/second"), "BucketNotEmpty");
  await test.send("DELETE", "/second/key");
  assert.equal((await test.send("DELETE", "/second")).status, 204);
  assert.equal(await code("DELETE", "/second"), "NoSuchBucket");
});

Deno.test("virtual-host style requests name the bucket by the host", async () => {
  await using test = await startTestServer();
  await test.send("PUT", "/bkt/key", { body: "hello" });
  for (const host of ["bkt.localhost", "bkt.s3.example.test:9000", "BKT.localhost"]) {
    const answer = await sendRaw(test.server, "GET", "/key", { headers: { host } });
    assert.equal(answer.text, "hello", host);
  }
  const path = await sendRaw(test.server, "GET", "/bkt/key", {
    headers: { host: "s3.example.test" },
  });
  assert.equal(path.text, "hello");
  const absent = await sendRaw(test.server, "GET", "/key", { headers: { host: "none.localhost" } });
  assert.equal(absent.xml("Code"), "NoSuchBucket");
});

Deno.test("errors are XML with code, message, resource and the request id of the header", async () => {
  await using test = await startTestServer();
  const answer = await test.send("GET", "/bkt/a%20b?x=1");
  assert.equal(answer.status, 404);
  assert.equal(answer.headers.get("content-type"), "application/xml");
  assert.equal(answer.xml("Code"), "NoSuchKey");
  assert.equal(answer.xml("Message"), "The specified key does not exist.");
  assert.equal(answer.xml("Resource"), "/bkt/a%20b");
  assert.equal(answer.xml("RequestId"), answer.headers.get("x-amz-request-id"));
  assert.match(answer.headers.get("x-amz-id-2") ?? "", /^\S{20,}$/);
  assert.equal((await test.send("GET", "/bkt?acl")).xml("Code"), "NotImplemented");
  assert.equal((await test.send("POST", "/bkt/key")).xml("Code"), "MethodNotAllowed");
  assert.equal((await test.send("GET", "/bkt/%ff")).xml("Code"), "InvalidURI");
  assert.equal((await sendRaw(test.server, "GET", "//key")).xml("Code"), "InvalidBucketName");
});

Deno.test("requests are counted exactly, by operation, failures too", async () => {
  await using test = await startTestServer();
  test.server.counts.reset();
  await test.send("PUT", "/bkt/a", { body: "x" });
  await test.send("GET", "/bkt/a");
  await test.send("GET", "/bkt/absent");
  await test.send("GET", "/bkt?list-type=2");
  await test.send("GET", "/bkt?policy");
  assert.deepEqual(test.server.counts.snapshot(), {
    PutObject: 1,
    GetObject: 2,
    ListObjectsV2: 1,
    Unknown: 1,
  });
  assert.equal(test.server.counts.total, 5);
  test.server.counts.reset();
  assert.equal(test.server.counts.get("GetObject"), 0);
});

Deno.test("tags are put, read, counted and removed", async () => {
  await using test = await startTestServer();
  await test.send("PUT", "/bkt/key", { body: "x" });
  const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>1&amp;</Value></Tag></TagSet></Tagging>";
  assert.equal((await test.send("PUT", "/bkt/key?tagging", { body })).status, 200);
  const tags = await test.send("GET", "/bkt/key?tagging");
  assert.deepEqual([tags.all("Key"), tags.all("Value")], [["a"], ["1&"]]);
  assert.equal((await test.send("HEAD", "/bkt/key")).headers.get("x-amz-tagging-count"), "1");
  assert.equal((await test.send("DELETE", "/bkt/key?tagging")).status, 204);
  assert.deepEqual((await test.send("GET", "/bkt/key?tagging")).all("Key"), []);
});

Deno.test("closing breaks connections in use, the abort signal closes, and the port is free again", async () => {
  const directory = await Deno.makeTempDir();
  const controller = new AbortController();
  const server = await startS3Server({ directory, signal: controller.signal });
  const bucket = async (method: string) =>
    await (await fetch(`${server.url}/bkt`, { method })).text();
  await bucket("PUT");
  await assert.rejects(startS3Server({ directory, port: server.port }), /Cannot serve S3 on 127/);
  using idle = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await idle.write(
    new TextEncoder().encode("PUT /bkt/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab"),
  );
  while (server.counts.get("PutObject") === 0) await bucket("HEAD");
  controller.abort();
  await server.close();
  const again = await startS3Server({ directory, port: server.port });
  assert.match(await (await fetch(`${again.url}/bkt/k`)).text(), /NoSuchKey/);
  await again.close();
  await Deno.remove(directory, { recursive: true });
});
