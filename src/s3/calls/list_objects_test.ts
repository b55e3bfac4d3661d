import assert from "node:assert/strict";
import { failureOf, withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { errorReply, reply, type ScriptedReply } from "../../../tests/support/scripted_server.ts";
import { ProtocolError, TransportError } from "../errors.ts";

const NEVER = new AbortController().signal;

function list(inner: string): string {
  return reply(200, `<?xml version="1.0"?>\n<ListBucketResult>${inner}</ListBucketResult>`);
}

const ENTRY = "<Contents><Key>k</Key><Size>1</Size></Contents>";

Deno.test("listings that are not whole or make no sense are errors", async () => {
  const whole = list(ENTRY);
  const answers: ScriptedReply[] = [
    reply(200),
    reply(200, "garbage"),
    reply(200, "{}"),
    reply(200, "<html><body>sign in</body></html>"),
    reply(200, '<?xml version="1.0"?><ListBucketResult><Contents><Key>k'),
    reply(200, "<ListBucketResult><Contents></ListBucketResult>"),
    reply(200, "<CopyObjectResult/>"),
    list("<Contents><Size>1</Size></Contents>"),
    list("<Contents><Key>k</Key></Contents>"),
    list("<Contents><Key>k</Key><Size>many</Size></Contents>"),
    list(`<IsTruncated>true</IsTruncated>${ENTRY}`),
    list("<EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents>"),
    [whole.replace(/Content-Length: \d+/, "Content-Length: 9999"), "close"],
    whole.replace(/Content-Length: \d+/, "Content-Length: 60"),
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n", "close"],
    ["NOT HTTP AT ALL\r\n\r\n", "close"],
    ["HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "close"],
    [new Uint8Array([0, 255, 1, 254, 13, 10, 13, 10]), "close"],
  ];
  for (const answer of answers) {
    const error = await failureOf(answer, (store) => store.list({ prefix: "" }, NEVER));
    const isExpected = error instanceof ProtocolError || error instanceof TransportError;
    assert.ok(isExpected, `${JSON.stringify(answer)}: ${error}`);
    assert.match(error.message, /^ListObjects bucket "bkt": /);
  }
});

Deno.test("a listing that repeats its token is an error", async () => {
  const page = list(
    "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>",
  );
  const error = await failureOf(page, (store) => store.list({ prefix: "", token: "t" }, NEVER));
  assert.match(error.message, /goes on, but not from where/);
});

Deno.test("a server without ListObjectsV2 is listed by version 1 from then on", async () => {
  const page = (marker: string) =>
    reply(
      200,
      `<ListBucketResult><IsTruncated>${marker === "" ? "true" : "false"}</IsTruncated>` +
        `<EncodingType>url</EncodingType>` +
        `<Contents><Key>a+${marker}</Key><Size>1</Size></Contents></ListBucketResult>`,
    );
  await withScriptedBucket(({ target }) => {
    if (target.includes("list-type=2")) return errorReply(501, "NotImplemented");
    return page(/marker=([^&]*)/.exec(target)?.[1] ?? "");
  }, async ({ bucketStore: { store }, server }) => {
    const first = await store.list({ prefix: "" }, NEVER);
    assert.deepEqual(first.objects.map((info) => info.key), ["a "]);
    assert.equal(first.nextToken, "a ");
    const second = await store.list({ prefix: "", token: "a " }, NEVER);
    assert.equal(second.nextToken, undefined);
    assert.equal(server.requests.length, 3);
    assert.match(server.requests[2]!.target, /marker=a%20/);
  });
});
