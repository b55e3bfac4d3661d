import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { startTestServer, type TestServer } from "../../../tests/support/serve_s3_fixture.ts";

function deleteMany(test: TestServer, body: string) {
  const md5 = createHash("md5").update(body).digest("base64");
  return test.send("POST", "/bkt?delete", { body, headers: { "content-md5": md5 } });
}

const listed = (keys: readonly string[]) =>
  keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("");

Deno.test("DeleteObjects deletes what is there, and what is not is no failure", async () => {
  await using test = await startTestServer();
  for (const key of ["a", "%3C%26%3E%20", "keep"]) {
    await test.send("PUT", `/bkt/${key}`, { body: "x" });
  }
  const keys = ["a", "&lt;&amp;> ", "absent"];
  const answer = await deleteMany(test, `<Delete>${listed(keys)}</Delete>`);
  assert.deepEqual(answer.all("Key"), ["a", "<&> ", "absent"]);
  assert.deepEqual((await test.send("GET", "/bkt?list-type=2")).all("Key"), ["keep"]);
  const quiet = await deleteMany(test, `<Delete>${listed(["keep"])}<Quiet>true</Quiet></Delete>`);
  assert.deepEqual([quiet.status, quiet.all("Key")], [200, []]);
});

Deno.test("DeleteObjects wants a digest of its body, at most 1000 keys and well-formed XML", async () => {
  await using test = await startTestServer();
  const body = `<Delete>${listed(["a"])}</Delete>`;
  const bare = await test.send("POST", "/bkt?delete", { body });
  assert.match(bare.xml("Message") ?? "", /Content-MD5 OR x-amz-checksum-/);
  const many = Array.from({ length: 1001 }, (_, i) => `k${i}`);
  assert.equal(
    (await deleteMany(test, `<Delete>${listed(many)}</Delete>`)).xml("Code"),
    "MalformedXML",
  );
  assert.equal((await deleteMany(test, `<Delete>${listed(many.slice(1))}</Delete>`)).status, 200);
  for (const broken of ["", "<Delete>", "<Other/>", "<Delete></Delete>", `<!DOCTYPE x>${body}`]) {
    assert.equal((await deleteMany(test, broken)).xml("Code"), "MalformedXML", broken);
  }
});

Deno.test("conditional deletions leave what has changed", async () => {
  await using test = await startTestServer();
  const etag = (await test.send("PUT", "/bkt/key", { body: "x" })).headers.get("etag")!;
  const remove = async (ifMatch: string) =>
    (await test.send("DELETE", "/bkt/key", { headers: { "if-match": ifMatch } })).status;
  assert.equal(await remove('"other"'), 412);
  const answer = await deleteMany(
    test,
    "<Delete><Object><Key>key</Key><ETag>other</ETag></Object></Delete>",
  );
  assert.equal(answer.xml("Code"), "PreconditionFailed");
  assert.equal(await remove(etag), 204);
  assert.equal((await test.send("HEAD", "/bkt/key")).status, 404);
  assert.equal(await remove(etag), 204);
});
