import assert from "node:assert/strict";
import { startTestServer, type TestServer } from "../../../tests/support/serve_s3_fixture.ts";

async function setVersioning(test: TestServer, status: string): Promise<void> {
  const body = `<VersioningConfiguration><Status>${status}</Status></VersioningConfiguration>`;
  assert.equal((await test.send("PUT", "/bkt?versioning", { body })).status, 200);
}

const versionOf = (answer: { headers: Headers }) => answer.headers.get("x-amz-version-id");

Deno.test("a versioned bucket keeps every version, and a deletion only hides them", async () => {
  await using test = await startTestServer();
  await test.send("PUT", "/bkt/key", { body: "zero" });
  assert.equal((await test.send("GET", "/bkt?versioning")).xml("Status"), undefined);
  await setVersioning(test, "Enabled");
  assert.equal((await test.send("GET", "/bkt?versioning")).xml("Status"), "Enabled");
  const one = versionOf(await test.send("PUT", "/bkt/key", { body: "one" }));
  const two = versionOf(await test.send("PUT", "/bkt/key", { body: "two" }));
  const deleted = await test.send("DELETE", "/bkt/key");
  const marker = versionOf(deleted);
  assert.equal(deleted.headers.get("x-amz-delete-marker"), "true");

  const gone = await test.send("GET", "/bkt/key");
  assert.deepEqual([gone.status, gone.headers.get("x-amz-delete-marker")], [404, "true"]);
  assert.deepEqual((await test.send("GET", "/bkt?list-type=2")).all("Key"), []);
  for (const [id, text] of [["null", "zero"], [one, "one"], [two, "two"]]) {
    assert.equal((await test.send("GET", `/bkt/key?versionId=${id}`)).text, text);
  }
  const onMarker = await test.send("GET", `/bkt/key?versionId=${marker}`);
  assert.deepEqual([onMarker.status, onMarker.headers.get("allow")], [405, "DELETE"]);
  const absent = await test.send("GET", `/bkt/key?versionId=${"x".repeat(32)}`);
  assert.equal(absent.xml("Code"), "NoSuchVersion");
  assert.equal((await test.send("GET", "/bkt/key?versionId=x")).xml("Code"), "InvalidArgument");

  const listed = await test.send("GET", "/bkt?versions");
  assert.deepEqual(listed.all("VersionId"), [marker, two, one, "null"]);
  assert.deepEqual(listed.all("IsLatest"), ["true", "false", "false", "false"]);

  await test.send("DELETE", `/bkt/key?versionId=${marker}`);
  assert.equal((await test.send("GET", "/bkt/key")).text, "two");
  await test.send("DELETE", `/bkt/key?versionId=${two}`);
  assert.equal((await test.send("GET", "/bkt/key")).text, "one");
  assert.equal((await test.send("DELETE", "/bkt")).xml("Code"), "BucketNotEmpty");
});

Deno.test("a suspended bucket replaces its null version and keeps the others", async () => {
  await using test = await startTestServer();
  await setVersioning(test, "Enabled");
  const one = versionOf(await test.send("PUT", "/bkt/key", { body: "one" }));
  await setVersioning(test, "Suspended");
  assert.equal(versionOf(await test.send("PUT", "/bkt/key", { body: "two" })), "null");
  assert.equal(versionOf(await test.send("PUT", "/bkt/key", { body: "three" })), "null");
  assert.deepEqual((await test.send("GET", "/bkt?versions")).all("VersionId"), ["null", one]);
  await test.send("DELETE", "/bkt/key");
  assert.deepEqual((await test.send("GET", "/bkt?versions")).all("VersionId"), ["null", one]);
  assert.equal((await test.send("GET", "/bkt/key")).status, 404);
});

Deno.test("ListObjectVersions pages within a key and over common prefixes", async () => {
  await using test = await startTestServer();
  await setVersioning(test, "Enabled");
  const written: (string | null)[] = [];
  for (const key of ["a", "a", "a", "d/1", "d/2", "z"]) {
    written.push(versionOf(await test.send("PUT", `/bkt/${key}`, { body: "x" })));
  }
  const seen: string[] = [];
  for (let next: string | undefined = ""; next !== undefined;) {
    const page = await test.send("GET", `/bkt?versions&delimiter=/&max-keys=2${next}`);
    const items = [...page.text.matchAll(/<(?:VersionId|CommonPrefixes><Prefix)>([^<]+)</g)];
    seen.push(...items.map((match) => match[1]!));
    const id = page.xml("NextVersionIdMarker");
    next = page.xml("IsTruncated") === "false"
      ? undefined
      : `&key-marker=${page.xml("NextKeyMarker")}${id ? `&version-id-marker=${id}` : ""}`;
  }
  assert.deepEqual(seen, [written[2], written[1], written[0], "d/", written[5]]);
  const orphan = await test.send("GET", "/bkt?versions&version-id-marker=x");
  assert.equal(orphan.xml("Code"), "InvalidArgument");
});

Deno.test("copies and conditional writes see the current version only", async () => {
  await using test = await startTestServer();
  await setVersioning(test, "Enabled");
  const one = versionOf(await test.send("PUT", "/bkt/key", { body: "one" }));
  await test.send("PUT", "/bkt/key", { body: "two" });
  const back = await test.send("PUT", "/bkt/key", {
    headers: { "x-amz-copy-source": `/bkt/key?versionId=${one}` },
  });
  assert.equal(back.headers.get("x-amz-copy-source-version-id"), one);
  assert.equal((await test.send("GET", "/bkt/key")).text, "one");
  const marker = versionOf(await test.send("DELETE", "/bkt/key"));
  const refused = await test.send("PUT", "/bkt/copy", {
    headers: { "x-amz-copy-source": `/bkt/key?versionId=${marker}` },
  });
  assert.equal(refused.xml("Code"), "InvalidRequest");
  const headers = { "if-none-match": "*" };
  assert.equal((await test.send("PUT", "/bkt/key", { body: "x", headers })).status, 200);
});
