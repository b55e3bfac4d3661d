import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  seededBytes,
  startTestServer,
  type TestServer,
} from "../../../tests/support/serve_s3_fixture.ts";

const PART = 5 * 2 ** 20;

async function create(test: TestServer, headers: Record<string, string> = {}): Promise<string> {
  return (await test.send("POST", "/bkt/key?uploads", { headers })).xml("UploadId")!;
}

function putPart(test: TestServer, id: string, number: number, body: Uint8Array<ArrayBuffer>) {
  return test.send("PUT", `/bkt/key?partNumber=${number}&uploadId=${id}`, { body });
}

function complete(
  test: TestServer,
  id: string,
  parts: readonly (readonly [number: number, etag: string | null | undefined])[],
  headers: Record<string, string> = {},
) {
  const listed = parts.map(([number, etag]) =>
    `<Part><PartNumber>${number}</PartNumber><ETag>${etag?.replaceAll('"', "&quot;")}</ETag></Part>`
  );
  const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
    listed.join("")
  }</CompleteMultipartUpload>`;
  return test.send("POST", `/bkt/key?uploadId=${id}`, { body, headers });
}

Deno.test("a multipart upload becomes an object with the parts' bytes and the ETag of AWS", async () => {
  await using test = await startTestServer();
  const bodies = [seededBytes(PART, 1), seededBytes(PART + 7, 2), seededBytes(11, 3)];
  const id = await create(test, { "x-amz-meta-a": "1", "content-type": "text/x" });
  const etags: (string | null)[] = [];
  // Uploaded backwards, and part 1 twice: the last one counts.
  for (const number of [3, 2, 1, 1]) {
    const body = etags.length === 2 ? seededBytes(9, 9) : bodies[number - 1]!;
    etags.push((await putPart(test, id, number, body)).headers.get("etag"));
  }
  assert.equal((await test.send("GET", "/bkt/key")).status, 404);
  const parts = [[1, etags[3]], [2, etags[1]], [3, etags[0]]] as const;
  const done = await complete(test, id, parts);
  const md5s = createHash("md5");
  for (const body of bodies) md5s.update(createHash("md5").update(body).digest());
  assert.equal(done.xml("ETag"), `"${md5s.digest("hex")}-3"`);
  const get = await test.send("GET", "/bkt/key");
  assert.deepEqual(get.bytes, new Uint8Array(bodies.flatMap((body) => [...body])));
  assert.deepEqual([get.headers.get("x-amz-meta-a"), get.headers.get("content-type")], [
    "1",
    "text/x",
  ]);
  const across = await test.send("GET", "/bkt/key", {
    headers: { range: `bytes=${PART - 2}-${PART + 1}` },
  });
  assert.deepEqual([...across.bytes], [...bodies[0]!.slice(-2), ...bodies[1]!.slice(0, 2)]);
  assert.equal((await complete(test, id, parts)).xml("Code"), "NoSuchUpload");
  await test.send("DELETE", "/bkt/key");
  assert.deepEqual([...Deno.readDirSync(`${test.directory}/bkt/blobs`)], []);
});

Deno.test("CompleteMultipartUpload refuses what AWS refuses, and the upload stays", async () => {
  await using test = await startTestServer();
  const id = await create(test);
  const small = (await putPart(test, id, 1, seededBytes(100, 1))).headers.get("etag");
  const last = (await putPart(test, id, 2, seededBytes(100, 2))).headers.get("etag");
  const code = async (...args: Parameters<typeof complete>) =>
    (await complete(...args)).xml("Code");
  assert.equal(await code(test, id, [[1, small], [2, last]]), "EntityTooSmall");
  assert.equal(await code(test, id, [[2, last], [1, small]]), "InvalidPartOrder");
  assert.equal(await code(test, id, [[1, small], [1, small]]), "InvalidPartOrder");
  assert.equal(await code(test, id, [[1, last]]), "InvalidPart");
  assert.equal(await code(test, id, [[3, last]]), "InvalidPart");
  assert.equal(await code(test, id, []), "MalformedXML");
  assert.equal(await code(test, "absent", [[1, small]]), "NoSuchUpload");
  assert.equal(await code(test, id, [[1, small]], { "if-match": '"x"' }), "NoSuchKey");
  await test.send("PUT", "/bkt/key", { body: "x" });
  assert.equal(await code(test, id, [[1, small]], { "if-none-match": "*" }), "PreconditionFailed");
  const body = "<CompleteMultipartUpload><Part>";
  const broken = await test.send("POST", `/bkt/key?uploadId=${id}`, { body });
  assert.equal(broken.xml("Code"), "MalformedXML");
  assert.equal((await complete(test, id, [[1, small]])).status, 200);
});

Deno.test("UploadPart checks the upload, its key and the part number", async () => {
  await using test = await startTestServer();
  const id = await create(test);
  const put = async (target: string) => (await test.send("PUT", target, { body: "x" })).xml("Code");
  assert.equal(await put(`/bkt/key?partNumber=0&uploadId=${id}`), "InvalidArgument");
  assert.equal(await put(`/bkt/key?partNumber=10001&uploadId=${id}`), "InvalidArgument");
  assert.equal(await put(`/bkt/other?partNumber=1&uploadId=${id}`), "NoSuchUpload");
  assert.equal(await put("/bkt/key?partNumber=1&uploadId=absent"), "NoSuchUpload");
});

Deno.test("an aborted upload is gone with its parts", async () => {
  await using test = await startTestServer();
  const id = await create(test);
  await putPart(test, id, 1, seededBytes(100, 1));
  assert.equal((await test.send("DELETE", `/bkt/key?uploadId=${id}`)).status, 204);
  assert.equal((await test.send("DELETE", `/bkt/key?uploadId=${id}`)).xml("Code"), "NoSuchUpload");
  assert.deepEqual([...Deno.readDirSync(`${test.directory}/bkt/blobs`)], []);
});

Deno.test("an upload with a checksum algorithm gets the object's checksum, of either type", async () => {
  await using test = await startTestServer();
  const bodies = [seededBytes(PART, 1), seededBytes(500, 2)];
  for (const [algorithm, type] of [["CRC64NVME", "FULL_OBJECT"], ["CRC32", "FULL_OBJECT"]]) {
    const id = await create(test, {
      "x-amz-checksum-algorithm": algorithm!,
      "x-amz-checksum-type": type!,
    });
    const parts: [number, string | null][] = [];
    for (const [i, body] of bodies.entries()) {
      parts.push([i + 1, (await putPart(test, id, i + 1, body)).headers.get("etag")]);
    }
    const done = await complete(test, id, parts);
    // The same bytes in one piece, whose checksum the server computes from the bytes.
    await test.send("PUT", "/bkt/whole", { body: new Uint8Array([...bodies[0]!, ...bodies[1]!]) });
    const copied = await test.send("PUT", "/bkt/copy", {
      headers: { "x-amz-copy-source": "/bkt/whole", "x-amz-checksum-algorithm": algorithm! },
    });
    const element = `Checksum${algorithm}`;
    assert.notEqual(copied.xml(element), undefined);
    assert.equal(done.xml(element), copied.xml(element), algorithm);
  }
  const id = await create(test, { "x-amz-checksum-algorithm": "SHA256" });
  const etag = (await putPart(test, id, 1, bodies[1]!)).headers.get("etag");
  const without = await complete(test, id, [[1, etag]]);
  assert.match(without.xml("Message") ?? "", /must include the checksum for each part/);
  const wrong = await test.send("PUT", `/bkt/key?partNumber=1&uploadId=${id}`, {
    body: "x",
    headers: { "x-amz-checksum-crc32": "jNuE4A==" },
  });
  assert.match(wrong.xml("Message") ?? "", /Checksum Type mismatch|BadDigest|did not match/);
});

Deno.test("ListParts and ListMultipartUploads show what is there, in pages", async () => {
  await using test = await startTestServer();
  const id = await create(test);
  for (const number of [1, 3, 7]) await putPart(test, id, number, seededBytes(number, number));
  await test.send("POST", "/bkt/dir/a?uploads");
  await test.send("POST", "/bkt/dir/b?uploads");
  const first = await test.send("GET", `/bkt/key?uploadId=${id}&max-parts=2`);
  assert.deepEqual(first.all("PartNumber"), ["1", "3"]);
  assert.deepEqual([first.xml("IsTruncated"), first.xml("NextPartNumberMarker")], ["true", "3"]);
  const rest = await test.send("GET", `/bkt/key?uploadId=${id}&part-number-marker=3`);
  assert.deepEqual([rest.all("PartNumber"), rest.xml("IsTruncated")], [["7"], "false"]);
  const all = await test.send("GET", "/bkt?uploads");
  assert.deepEqual(all.all("Key"), ["dir/a", "dir/b", "key"]);
  const grouped = await test.send("GET", "/bkt?uploads&delimiter=/&max-uploads=1");
  assert.match(grouped.text, /<CommonPrefixes><Prefix>dir\/<\/Prefix>/);
  const next = `/bkt?uploads&delimiter=/&key-marker=${grouped.xml("NextKeyMarker")}`;
  assert.deepEqual((await test.send("GET", next)).all("Key"), ["key"]);
});
