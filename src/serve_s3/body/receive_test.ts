import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { sendRaw, startTestServer } from "../../../tests/support/serve_s3_fixture.ts";
import {
  canonicalRequest,
  scopeText,
  sha256Hex,
  signature,
  signingKey,
  stringToSign,
} from "../auth/sigv4.ts";

const keys = { accessKeyId: "access", secretAccessKey: "secret" };
const scopeOf = (amzDate: string) => ({
  date: amzDate.slice(0, 8),
  region: "us-east-1",
  service: "s3",
});

interface Tampering {
  readonly chunk?: string;
  readonly trailer?: string;
  readonly announcedSize?: number;
}

/** A PUT of `chunks` as a signing client sends it, with a trailing SHA-256. */
function signedChunkedPut(path: string, chunks: readonly string[], tampering: Tampering = {}) {
  const amzDate = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = scopeOf(amzDate);
  const payload = chunks.join("");
  const headers: Record<string, string> = {
    "host": "127.0.0.1",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-date": amzDate,
    "x-amz-decoded-content-length": String(tampering.announcedSize ?? payload.length),
    "x-amz-trailer": "x-amz-checksum-sha256",
  };
  const signedHeaders = Object.keys(headers);
  const canonical = canonicalRequest({
    method: "PUT",
    path,
    query: [],
    headers: new Headers(headers),
    signedHeaders,
    payloadHash: headers["x-amz-content-sha256"]!,
  });
  const key = signingKey(keys.secretAccessKey, scope);
  let previous = signature(key, stringToSign(amzDate, scope, canonical));
  headers["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${keys.accessKeyId}/${scopeText(scope)}, ` +
    `SignedHeaders=${signedHeaders.join(";")}, Signature=${previous}`;
  const sign = (algorithm: string, ...hashes: string[]) => {
    const text = [algorithm, amzDate, scopeText(scope), previous, ...hashes].join("\n");
    return previous = signature(key, text);
  };
  let body = "";
  for (const chunk of [...chunks, ""]) {
    const signed = sign("AWS4-HMAC-SHA256-PAYLOAD", sha256Hex(""), sha256Hex(chunk));
    const sent = chunk === chunks[0] ? tampering.chunk ?? chunk : chunk;
    body += `${chunk.length.toString(16)};chunk-signature=${signed}\r\n`;
    if (chunk !== "") body += `${sent}\r\n`;
  }
  const checksum = createHash("sha256").update(payload).digest("base64");
  const signed = sign("AWS4-HMAC-SHA256-TRAILER", sha256Hex(`x-amz-checksum-sha256:${checksum}\n`));
  body += `x-amz-checksum-sha256:${tampering.trailer ?? checksum}\r\n`;
  body += `x-amz-trailer-signature:${signed}\r\n\r\n`;
  return { headers, body };
}

Deno.test("a body signed chunk by chunk is stored; one that was changed on the way is not", async () => {
  await using test = await startTestServer({ ...keys });
  const client = new AwsClient({ ...keys, service: "s3", region: "us-east-1", retries: 0 });
  const get = async (target: string, method = "GET") =>
    await (await client.fetch(new Request(test.server.url + target, { method }))).text();
  await get("/bkt", "PUT");
  const chunks = ["a".repeat(8192), "b".repeat(8192), "end"];
  const put = (tampering?: Tampering) =>
    sendRaw(test.server, "PUT", "/bkt/key", signedChunkedPut("/bkt/key", chunks, tampering));
  const cases: [string, Tampering][] = [
    ["SignatureDoesNotMatch", { chunk: "A".repeat(8192) }],
    ["SignatureDoesNotMatch", { trailer: createHash("sha256").update("x").digest("base64") }],
    ["IncompleteBody", { announcedSize: 16384 }],
    ["IncompleteBody", { announcedSize: 99999 }],
  ];
  for (const [code, tampering] of cases) {
    assert.equal((await put(tampering)).xml("Code"), code, JSON.stringify(tampering).slice(0, 40));
  }
  assert.match(await get("/bkt/key"), /NoSuchKey/);
  const stored = await put();
  assert.equal(stored.status, 200, stored.text);
  assert.notEqual(stored.headers.get("x-amz-checksum-sha256"), null);
  assert.equal(await get("/bkt/key"), chunks.join(""));
});

Deno.test("an unsigned chunked body needs its announced checksum, and the right one", async () => {
  await using test = await startTestServer();
  const put = (trailer: string) =>
    sendRaw(test.server, "PUT", "/bkt/key", {
      headers: {
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": "9",
        "x-amz-trailer": "x-amz-checksum-crc32",
      },
      body: `9\r\n123456789\r\n0\r\n${trailer}\r\n`,
    });
  assert.equal((await put("")).xml("Code"), "MalformedTrailerError");
  assert.equal((await put("x-amz-checksum-crc32:AAAAAA==\r\n")).xml("Code"), "BadDigest");
  assert.equal((await put("x-amz-checksum-crc32:y/Q5Jg==\r\n")).status, 200);
  assert.equal((await test.send("GET", "/bkt/key")).text, "123456789");
});
