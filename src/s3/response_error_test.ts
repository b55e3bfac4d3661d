import assert from "node:assert/strict";
import { HttpError, type HttpErrorKind } from "../net/http_error.ts";
import {
  AccessDeniedError,
  BucketNotFoundError,
  ClockSkewError,
  IntegrityError,
  NotFoundError,
  PreconditionFailedError,
  ProtocolError,
  ServerError,
  SignedOutError,
  StoreError,
  ThrottledError,
  TransportError,
  UnsupportedError,
  WrongRegionError,
} from "./errors.ts";
import { errorFromAnswer, errorFromTransport } from "./response_error.ts";

const CONTEXT = {
  operation: "GetObject",
  bucket: "b",
  key: "k",
  origin: "http://host",
  region: "us-east-1",
};

function xml(code: string, more = ""): string {
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m &lt;1&gt;</Message>${more}</Error>`;
}

Deno.test("errorFromAnswer gives each answer its class", () => {
  const table: [number, string, unknown, boolean][] = [
    [404, xml("NoSuchKey"), NotFoundError, false],
    [404, xml("NoSuchUpload"), NotFoundError, false],
    [404, "", NotFoundError, false],
    [404, xml("NoSuchBucket"), BucketNotFoundError, false],
    [412, xml("PreconditionFailed"), PreconditionFailedError, false],
    [409, xml("BucketAlreadyExists"), PreconditionFailedError, false],
    [409, xml("ConditionalRequestConflict"), ServerError, true],
    [400, xml("BadDigest"), IntegrityError, true],
    [400, xml("XAmzContentChecksumMismatch"), IntegrityError, true],
    [400, xml("XAmzContentSHA256Mismatch"), IntegrityError, true],
    [400, xml("NotImplemented"), UnsupportedError, false],
    [403, xml("AccessDenied"), AccessDeniedError, false],
    [403, "", AccessDeniedError, false],
    [401, "", AccessDeniedError, false],
    [400, xml("ExpiredToken"), SignedOutError, false],
    [403, xml("InvalidAccessKeyId"), AccessDeniedError, false],
    [403, xml("RequestTimeTooSkewed"), ClockSkewError, false],
    [301, xml("PermanentRedirect"), WrongRegionError, false],
    [
      400,
      xml("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
      WrongRegionError,
      false,
    ],
    [503, xml("SlowDown"), ThrottledError, true],
    [503, "", ThrottledError, true],
    [429, "", ThrottledError, true],
    [403, xml("RequestLimitExceeded"), ThrottledError, true],
    [500, xml("InternalError"), ServerError, true],
    [502, "<html>bad gateway</html>", ServerError, true],
    [408, "", ServerError, true],
    [400, xml("RequestTimeout"), ServerError, true],
    [501, xml("NotImplemented"), UnsupportedError, false],
    [405, xml("MethodNotAllowed"), UnsupportedError, false],
    [400, xml("InvalidArgument"), StoreError, false],
    [416, xml("InvalidRange"), StoreError, false],
    [404, "<html>no such page</html>", ProtocolError, true],
    [403, "please sign in", ProtocolError, true],
    [404, "<Error><Code>NoSuch", ProtocolError, true],
    // Error documents in answers that had begun with 200.
    [200, xml("InternalError"), ServerError, true],
    [200, xml("SlowDown"), ThrottledError, true],
    [200, xml("NoSuchUpload"), NotFoundError, false],
    [200, xml("PreconditionFailed"), PreconditionFailedError, false],
    [200, xml("ConditionalRequestConflict"), ServerError, true],
    [200, xml("AccessDenied"), AccessDeniedError, false],
  ];
  for (const [status, text, expected, isRetryable] of table) {
    const error = errorFromAnswer(CONTEXT, { status, text, headers: new Headers() }, 0);
    assert.equal(error.constructor, expected, `${status} ${text}`);
    assert.equal(error.retryable, isRetryable, `${status} ${text}`);
    assert.match(error.message, /^GetObject "b\/k": /);
  }
});

Deno.test("errorFromAnswer keeps what identifies the request", () => {
  const error = errorFromAnswer(CONTEXT, {
    status: 503,
    text: xml("SlowDown", "<RequestId>from body</RequestId>"),
    headers: new Headers({ "x-amz-request-id": "R1", "retry-after": "3" }),
  }, 0);
  assert.deepEqual(error.details, {
    operation: "GetObject",
    bucket: "b",
    key: "k",
    status: 503,
    code: "SlowDown",
    requestId: "R1",
    retryAfterMs: 3000,
  });
  assert.match(error.message, /m <1> \(status 503, SlowDown, request id R1\)/);
});

Deno.test("errorFromAnswer finds the region in header and body", () => {
  const header = new Headers({ "x-amz-bucket-region": "eu-west-1" });
  const bare = errorFromAnswer(CONTEXT, { status: 400, text: "", headers: header }, 0);
  assert.ok(bare instanceof WrongRegionError);
  assert.equal(bare.region, "eu-west-1");
  assert.match(bare.message, /Set region = "eu-west-1"/);
  const unknown = errorFromAnswer(CONTEXT, { status: 301, text: "", headers: new Headers() }, 0);
  assert.ok(unknown instanceof WrongRegionError);
  assert.equal(unknown.region, undefined);
  assert.match(unknown.message, /signed for region "us-east-1"/);
});

Deno.test("errorFromAnswer tells how far the clock is off", () => {
  const headers = new Headers({ date: "Thu, 01 Jan 1970 01:00:00 GMT" });
  const answer = { status: 403, text: xml("RequestTimeTooSkewed"), headers };
  const error = errorFromAnswer(CONTEXT, answer, 1000);
  assert.ok(error instanceof ClockSkewError);
  assert.equal(error.skewMs, 3_599_000);
});

Deno.test("errorFromTransport has a hint for every kind", () => {
  const kinds: HttpErrorKind[] = [
    "dns",
    "connect",
    "tls",
    "timeout",
    "stalled",
    "protocol",
    "broken",
  ];
  for (const kind of kinds) {
    const error = errorFromTransport(CONTEXT, new HttpError(kind, "why"));
    assert.ok(error instanceof (kind === "protocol" ? ProtocolError : TransportError));
    assert.ok(error.retryable);
    assert.match(error.message, /no complete answer from http:\/\/host: why\. \w+/);
  }
});

Deno.test("errorFromAnswer tells a condition on a copy's source from one on its target", () => {
  for (
    const [condition, what] of [
      ["x-amz-copy-source-If-Match", "source"],
      ["If-Match", "target"],
      ["If-None-Match", "target"],
    ]
  ) {
    const text = xml("PreconditionFailed", `<Condition>${condition}</Condition>`);
    const error = errorFromAnswer(CONTEXT, { status: 412, text, headers: new Headers() }, 0);
    assert.ok(error instanceof PreconditionFailedError);
    assert.equal(error.what, what);
  }
});
