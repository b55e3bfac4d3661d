import assert from "node:assert/strict";
import { seededBytes, startTestServer } from "../../../tests/support/serve_s3_fixture.ts";
import { parseRange } from "./get_object.ts";

Deno.test("parseRange understands one range, ignores nonsense and refuses what is outside", () => {
  assert.deepEqual(parseRange("bytes=0-4", 10), { start: 0, end: 5 });
  assert.deepEqual(parseRange("bytes=5-", 10), { start: 5, end: 10 });
  assert.deepEqual(parseRange("bytes=-3", 10), { start: 7, end: 10 });
  assert.deepEqual(parseRange("bytes=-30", 10), { start: 0, end: 10 });
  assert.deepEqual(parseRange("bytes=8-99", 10), { start: 8, end: 10 });
  for (const ignored of [null, "bytes=4-2", "bytes=-", "bytes=0-1,4-5", "items=0-1", "bytes=a-b"]) {
    assert.equal(parseRange(ignored, 10), undefined, String(ignored));
  }
  for (const [range, size] of [["bytes=10-", 10], ["bytes=-0", 10], ["bytes=0-", 0]] as const) {
    assert.throws(() => parseRange(range, size), { code: "InvalidRange" }, range);
  }
});

Deno.test("GetObject returns the bytes, all or a range, of small and large objects", async () => {
  await using test = await startTestServer();
  for (const size of [0, 1, 1000, 128 * 1024 + 1, 3_000_000]) {
    const bytes = seededBytes(size, size);
    await test.send("PUT", "/bkt/key", { body: bytes });
    const whole = await test.send("GET", "/bkt/key");
    assert.equal(whole.status, 200);
    assert.equal(whole.headers.get("content-length"), String(size));
    assert.deepEqual(whole.bytes, bytes);
    if (size < 2) continue;
    const [start, end] = [size >> 2, size - (size >> 3)];
    const range = await test.send("GET", "/bkt/key", {
      headers: { range: `bytes=${start}-${end - 1}` },
    });
    assert.equal(range.status, 206);
    assert.equal(range.headers.get("content-range"), `bytes ${start}-${end - 1}/${size}`);
    assert.deepEqual(range.bytes, bytes.subarray(start, end));
  }
});

Deno.test("HeadObject tells what GetObject tells, without a body", async () => {
  await using test = await startTestServer();
  await test.send("PUT", "/bkt/key", {
    body: "hello",
    headers: { "content-type": "text/plain", "x-amz-meta-a": "1", "cache-control": "max-age=1" },
  });
  const [head, get] = [await test.send("HEAD", "/bkt/key"), await test.send("GET", "/bkt/key")];
  assert.equal(head.text, "");
  assert.equal(get.text, "hello");
  for (
    const [name, value] of Object.entries({
      "content-length": "5",
      "content-type": "text/plain",
      "x-amz-meta-a": "1",
      "etag": '"5d41402abc4b2a76b9719d911017c592"',
      "accept-ranges": "bytes",
    })
  ) {
    assert.equal(head.headers.get(name), value, name);
    assert.equal(get.headers.get(name), value, name);
  }
  assert.match(head.headers.get("cache-control") ?? "", /^max-age=1/);
  assert.equal(get.headers.get("content-encoding"), null);
  const absent = await test.send("HEAD", "/bkt/absent");
  assert.deepEqual([absent.status, absent.text], [404, ""]);
});

Deno.test("GetObject obeys the four conditions in their order of precedence", async () => {
  await using test = await startTestServer();
  const put = await test.send("PUT", "/bkt/key", { body: "x" });
  const etag = put.headers.get("etag")!;
  const past = new Date(Date.now() - 3600e3).toUTCString();
  const future = new Date(Date.now() + 3600e3).toUTCString();
  const cases: [number, Record<string, string>][] = [
    [200, { "if-match": etag }],
    [200, { "if-match": etag.replaceAll('"', "") }],
    [200, { "if-match": `"other", ${etag}` }],
    [412, { "if-match": '"other"' }],
    [304, { "if-none-match": etag }],
    [304, { "if-none-match": "*" }],
    [200, { "if-none-match": '"other"' }],
    [200, { "if-modified-since": past }],
    [304, { "if-modified-since": future }],
    [412, { "if-unmodified-since": past }],
    [200, { "if-unmodified-since": future }],
    [200, { "if-match": etag, "if-unmodified-since": past }],
    [200, { "if-none-match": '"other"', "if-modified-since": future }],
    [412, { "if-match": '"other"', "if-none-match": etag }],
  ];
  for (const [status, headers] of cases) {
    for (const method of ["GET", "HEAD"]) {
      const answer = await test.send(method, "/bkt/key", { headers });
      assert.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
      if (status === 304) assert.equal(answer.headers.get("etag"), etag);
    }
  }
});

Deno.test("a read in progress goes on with its bytes after the object was overwritten", async () => {
  await using test = await startTestServer();
  const bytes = seededBytes(4_000_000, 1);
  await test.send("PUT", "/bkt/key", { body: bytes });
  const reading = await fetch(`${test.server.url}/bkt/key`);
  await test.send("PUT", "/bkt/key", { body: "other" });
  await test.send("DELETE", "/bkt/key");
  assert.deepEqual(await reading.bytes(), bytes);
  assert.deepEqual([...Deno.readDirSync(`${test.directory}/bkt/blobs`)], []);
});

Deno.test("GetObject by part number returns that part", async () => {
  await using test = await startTestServer();
  const created = await test.send("POST", "/bkt/key?uploads");
  const id = created.xml("UploadId")!;
  const parts = [seededBytes(5 * 2 ** 20, 1), seededBytes(10, 2)];
  let listed = "";
  for (const [i, body] of parts.entries()) {
    const target = `/bkt/key?partNumber=${i + 1}&uploadId=${id}`;
    const etag = (await test.send("PUT", target, { body })).headers.get("etag");
    listed += `<Part><PartNumber>${i + 1}</PartNumber><ETag>${etag}</ETag></Part>`;
  }
  const body = `<CompleteMultipartUpload>${listed}</CompleteMultipartUpload>`;
  await test.send("POST", `/bkt/key?uploadId=${id}`, { body });
  const second = await test.send("GET", "/bkt/key?partNumber=2");
  assert.equal(second.status, 206);
  assert.equal(second.headers.get("x-amz-mp-parts-count"), "2");
  assert.deepEqual(second.bytes, parts[1]);
  assert.equal((await test.send("GET", "/bkt/key?partNumber=3")).status, 416);
});
