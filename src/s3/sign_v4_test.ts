import assert from "node:assert/strict";
import { EMPTY_SHA256, signV4 } from "./sign_v4.ts";

// The examples of "Authenticating Requests: Using the Authorization Header", S3 API reference.
const CREDENTIALS = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const REQUEST = {
  method: "GET",
  host: "examplebucket.s3.amazonaws.com",
  path: "/",
  headers: {},
  payloadHash: EMPTY_SHA256,
  region: "us-east-1",
  timeMs: Date.UTC(2013, 4, 24),
};

Deno.test("signV4 signs as the S3 reference does", () => {
  const signature = (query: string) =>
    signV4({ ...REQUEST, query }, CREDENTIALS)["authorization"]!.replace(/.*Signature=/, "");
  assert.equal(
    signature("lifecycle="),
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  );
  assert.equal(
    signature("prefix=J&max-keys=2"),
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  );
});

Deno.test("signV4 covers the S3 headers and the session, not what may change on the way", () => {
  const headers = signV4({
    ...REQUEST,
    query: "",
    headers: { "x-amz-meta-a": " two  words ", "content-type": "a/b", range: "bytes=0-1" },
  }, { ...CREDENTIALS, sessionToken: "session" });
  assert.match(
    headers["authorization"]!,
    /SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-security-token,/,
  );
  assert.equal(headers["x-amz-security-token"], "session");
  assert.equal(headers["x-amz-date"], "20130524T000000Z");
});
