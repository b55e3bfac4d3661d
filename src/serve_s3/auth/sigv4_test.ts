import assert from "node:assert/strict";
import { authenticate, type Authority } from "./authenticate.ts";
import {
  canonicalRequest,
  EMPTY_SHA256,
  sha256Hex,
  signature,
  signingKey,
  stringToSign,
} from "./sigv4.ts";
import { parseRequest, type S3Request } from "../request.ts";

// The examples of the S3 API reference, "Signature Calculations for the Authorization Header" and
// "Authenticating Requests: Using Query Parameters": their keys, bucket, time and results.
const authority: Authority = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const exampleMs = Date.parse("2013-05-24T00:00:00Z");

function example(
  method: string,
  target: string,
  headers: Record<string, string>,
  signed?: { headers: string; signature: string },
): S3Request {
  const authorization = signed === undefined ? undefined : {
    authorization:
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,` +
      `SignedHeaders=${signed.headers},Signature=${signed.signature}`,
  };
  const all = new Headers({
    host: "examplebucket.s3.amazonaws.com",
    ...(signed === undefined ? {} : { "x-amz-date": "20130524T000000Z" }),
    ...headers,
    ...authorization,
  });
  const url = `http://examplebucket.s3.amazonaws.com${target}`;
  const request = { method, url, headers: all, body: null } as Request;
  return parseRequest(request, (name) => name === "examplebucket");
}

const examples = {
  "GET object": example("GET", "/test.txt", {
    range: "bytes=0-9",
    "x-amz-content-sha256": EMPTY_SHA256,
  }, {
    headers: "host;range;x-amz-content-sha256;x-amz-date",
    signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  }),
  "PUT object": example("PUT", "/test%24file.text", {
    date: "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
  }, {
    headers: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
    signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  }),
  "GET bucket lifecycle": example("GET", "/?lifecycle", {
    "x-amz-content-sha256": EMPTY_SHA256,
  }, {
    headers: "host;x-amz-content-sha256;x-amz-date",
    signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  }),
  "list objects": example("GET", "/?max-keys=2&prefix=J", {
    "x-amz-content-sha256": EMPTY_SHA256,
  }, {
    headers: "host;x-amz-content-sha256;x-amz-date",
    signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  }),
  "presigned GET": example(
    "GET",
    "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524" +
      "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400" +
      "&X-Amz-SignedHeaders=host&X-Amz-Signature=" +
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    {},
  ),
};

for (const [name, request] of Object.entries(examples)) {
  Deno.test(`authenticate accepts the documented example "${name}"`, () => {
    authenticate(request, authority, exampleMs);
  });
}

Deno.test("authenticate accepts the documented chunked upload, chunk by chunk", () => {
  const request = example("PUT", "/examplebucket/chunkObject.txt", {
    host: "s3.amazonaws.com",
    "content-encoding": "aws-chunked",
    "content-length": "66824",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "x-amz-decoded-content-length": "66560",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
  }, {
    headers:
      "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
    signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
  });
  const signer = authenticate(request, authority, exampleMs);
  signer.checkChunk(
    "bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a",
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
  );
  signer.checkChunk(
    "2edc986847e209b4016e141a6dc8716d3207350f416969382d431539bf292e4a",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
  );
  signer.checkChunk(
    EMPTY_SHA256,
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
  );
});

Deno.test("authenticate accepts the documented chunked upload with a trailing checksum", () => {
  const request = example("PUT", "/examplebucket/chunkObject.txt", {
    "host": "s3.amazonaws.com",
    "content-encoding": "aws-chunked",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "x-amz-decoded-content-length": "66560",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-trailer": "x-amz-checksum-crc32c",
  }, {
    headers:
      "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
    signature: "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
  });
  const signer = authenticate(request, authority, exampleMs);
  const chunks = [
    ["a".repeat(65536), "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"],
    ["a".repeat(1024), "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"],
    ["", "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"],
  ] as const;
  for (const [chunk, signed] of chunks) signer.checkChunk(sha256Hex(chunk), signed);
  signer.checkTrailer(
    "x-amz-checksum-crc32c:sOO8/Q==\n",
    "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435",
  );
});

Deno.test("signing follows the documented intermediate steps", () => {
  const canonical = canonicalRequest({
    method: "GET",
    path: "/test.txt",
    query: [],
    headers: examples["GET object"].headers,
    signedHeaders: ["host", "range", "x-amz-content-sha256", "x-amz-date"],
    payloadHash: EMPTY_SHA256,
  });
  const scope = { date: "20130524", region: "us-east-1", service: "s3" };
  const text = stringToSign("20130524T000000Z", scope, canonical);
  assert.equal(
    text.split("\n")[3],
    "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
  );
  assert.equal(
    signature(signingKey(authority.secretAccessKey, scope), text),
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  );
});

function refused(request: S3Request, code: string, nowMs = exampleMs, other = authority): void {
  assert.throws(() => authenticate(request, other, nowMs), { code });
}

Deno.test("authenticate names what is wrong with a request", () => {
  const get = examples["GET object"];
  refused({ ...get, path: "/other.txt" }, "SignatureDoesNotMatch");
  refused(get, "SignatureDoesNotMatch", exampleMs, { ...authority, secretAccessKey: "wrong" });
  refused(get, "InvalidAccessKeyId", exampleMs, { ...authority, accessKeyId: "OTHER" });
  refused(get, "AuthorizationHeaderMalformed", exampleMs, { ...authority, region: "eu-west-1" });
  refused(get, "RequestTimeTooSkewed", exampleMs + 15 * 60e3 + 1);
  refused(get, "RequestTimeTooSkewed", exampleMs - 15 * 60e3 - 1);
  authenticate(get, authority, exampleMs + 15 * 60e3);
  refused(example("GET", "/test.txt", {}), "AccessDenied");
  refused(example("GET", "/test.txt", { authorization: "AWS a:b" }), "InvalidRequest");
  refused(
    example("GET", "/test.txt", { authorization: "AWS4-HMAC-SHA256 Credential=a" }),
    "AuthorizationHeaderMalformed",
  );
  const unsigned = new Headers(get.headers);
  unsigned.set("x-amz-meta-smuggled", "1");
  refused({ ...get, headers: unsigned }, "AccessDenied");
});

Deno.test("authenticate holds presigned URLs to their time", () => {
  const presigned = examples["presigned GET"];
  authenticate(presigned, authority, exampleMs + 86400e3);
  refused(presigned, "AccessDenied", exampleMs + 86400e3 + 1);
  refused(presigned, "AccessDenied", exampleMs - 15 * 60e3 - 1);
  refused(presigned, "AuthorizationQueryParametersError", exampleMs, {
    ...authority,
    region: "eu-west-1",
  });
  refused(example("GET", "/test.txt?X-Amz-Signature=00", {}), "AuthorizationQueryParametersError");
});
