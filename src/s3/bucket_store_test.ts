import assert from "node:assert/strict";
import { withScriptedBucket } from "../../tests/support/scripted_bucket.ts";
import { errorReply, reply } from "../../tests/support/scripted_server.ts";
import {
  AccessDeniedError,
  BucketNotFoundError,
  ClockSkewError,
  ProtocolError,
  SignedOutError,
  StoreError,
  TransportError,
  WrongRegionError,
} from "./errors.ts";

const NEVER = new AbortController().signal;
const EMPTY_LIST = reply(
  200,
  `<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>`,
);

Deno.test("probe tells what is wrong with the endpoint, the bucket or the access", async () => {
  const cases: [string, new (...args: never[]) => Error, RegExp][] = [
    [errorReply(404, "NoSuchBucket"), BucketNotFoundError, /Check the name of the bucket/],
    [reply(404), BucketNotFoundError, /no such bucket/],
    [errorReply(403, "AccessDenied"), AccessDeniedError, /may not do this/],
    [errorReply(403, "InvalidAccessKeyId"), AccessDeniedError, /does not know this access key/],
    [errorReply(403, "SignatureDoesNotMatch"), AccessDeniedError, /secret key/],
    [reply(404, "<html>no page</html>"), ProtocolError, /is an S3 endpoint/],
    [reply(200, "<!DOCTYPE html><html>sign in</html>"), ProtocolError, /sign-in page/],
    [errorReply(301, "PermanentRedirect"), WrongRegionError, /signed for region "us-east-1"/],
  ];
  for (const [answer, expected, text] of cases) {
    await withScriptedBucket(() => answer, async ({ bucketStore, server }) => {
      await assert.rejects(bucketStore.probe(NEVER), (error) => {
        assert.ok(error instanceof StoreError);
        assert.equal(error.constructor, expected, answer);
        assert.match(error.message, text);
        return true;
      });
      assert.equal(server.requests.length, 1);
    });
  }
});

Deno.test("probe tells that nothing answers", async () => {
  await withScriptedBucket(() => ["hang"], async ({ bucketStore, pool }) => {
    await assert.rejects(bucketStore.probe(NEVER), (error) => {
      assert.ok(error instanceof TransportError);
      assert.match(error.message, /no answer within 0.2 s/);
      return true;
    });
    assert.equal(pool.inUse, 0);
  });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const options = { endpoint: `http://127.0.0.1:${listener.addr.port}` };
  listener.close();
  await withScriptedBucket(() => "", async ({ bucketStore }) => {
    await assert.rejects(
      bucketStore.probe(NEVER),
      /Nothing answers at this address: check endpoint/,
    );
  }, options);
});

Deno.test("a wrong region is corrected once and remembered", async () => {
  const wrong = [
    errorReply(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-west-1" }),
    errorReply(400, "AuthorizationHeaderMalformed", {}, "<Region>eu-west-1</Region>"),
    errorReply(400, "IllegalLocationConstraint", { "x-amz-bucket-region": "eu-west-1" }),
  ];
  for (const answer of wrong) {
    const isRight = (authorization = "") => authorization.includes("/eu-west-1/s3/");
    await withScriptedBucket(
      ({ headers }) => isRight(headers.get("authorization")) ? EMPTY_LIST : answer,
      async ({ bucketStore, server }) => {
        await bucketStore.probe(NEVER);
        assert.equal(server.requests.length, 2);
        await bucketStore.probe(NEVER);
        assert.equal(server.requests.length, 3);
        assert.equal(bucketStore.stats.snapshot().retries, 1);
      },
    );
  }
});

Deno.test("a skewed clock is corrected once and remembered", async () => {
  const serverTimeMs = Date.now() + 3_600_000;
  const date = new Date(serverTimeMs).toUTCString();
  const isRight = (amzDate = "") => {
    const iso = amzDate.replace(/(....)(..)(..)T(..)(..)(..)Z/, "$1-$2-$3T$4:$5:$6Z");
    return Math.abs(Date.parse(iso) - serverTimeMs) < 60_000;
  };
  await withScriptedBucket(
    ({ headers }) =>
      isRight(headers.get("x-amz-date"))
        ? EMPTY_LIST
        : errorReply(403, "RequestTimeTooSkewed", { Date: date }),
    async ({ bucketStore, server }) => {
      await bucketStore.probe(NEVER);
      await bucketStore.probe(NEVER);
      assert.equal(server.requests.length, 3);
    },
  );
  await withScriptedBucket(
    () => errorReply(403, "RequestTimeTooSkewed", { Date: date }),
    async ({ bucketStore, server }) => {
      await assert.rejects(bucketStore.probe(NEVER), ClockSkewError);
      assert.equal(server.requests.length, 2);
    },
  );
});

Deno.test("an expired session is looked up again once", async () => {
  let id = "old";
  await withScriptedBucket(({ headers }) => {
    if (headers.get("authorization")!.includes("=new/")) return EMPTY_LIST;
    id = "new";
    return errorReply(400, "ExpiredToken");
  }, async ({ bucketStore, server }) => {
    await bucketStore.probe(NEVER);
    assert.equal(server.requests.length, 2);
  }, { readEnv: (name) => name === "TEST_ID" ? id : "secret" });
});

Deno.test("rotated keys are looked up again, also when HEAD cannot say why it is refused", async () => {
  for (const code of ["InvalidAccessKeyId", "SignatureDoesNotMatch", undefined]) {
    let id = "old";
    await withScriptedBucket(({ method, headers }) => {
      if (headers.get("authorization")!.includes("=new/")) {
        return method === "HEAD" ? reply(200, "", { ETag: '"e"' }) : EMPTY_LIST;
      }
      id = "new";
      return code === undefined ? reply(403) : errorReply(403, code);
    }, async ({ bucketStore, server }) => {
      if (code === undefined) await bucketStore.store.head("k", NEVER);
      else await bucketStore.probe(NEVER);
      assert.equal(server.requests.length, 2);
    }, { readEnv: (name) => name === "TEST_ID" ? id : "secret" });
  }
});

Deno.test("a session that has expired for good is told apart from wrong keys, with the way out", async () => {
  await withScriptedBucket(
    () => errorReply(400, "ExpiredToken"),
    async ({ bucketStore, server }) => {
      for (let i = 0; i < 3; i++) {
        await assert.rejects(bucketStore.probe(NEVER), (error) => {
          assert.ok(error instanceof SignedOutError);
          assert.match(error.details.hint ?? "", /^Set TEST_ID and TEST_SECRET/);
          return true;
        });
      }
      assert.equal(server.requests.length, 3);
    },
  );
});

Deno.test("a clock that is wrong is corrected by any answer, and told", async () => {
  const date = new Date(Date.now() + 8 * 3_600_000).toUTCString();
  await withScriptedBucket(
    () => reply(200, EMPTY_LIST.split("\r\n\r\n")[1], { Date: date }),
    async ({ bucketStore, server }) => {
      assert.deepEqual(bucketStore.warnings(), []);
      await bucketStore.probe(NEVER);
      await bucketStore.probe(NEVER);
      const signed = server.requests.map(({ headers }) => headers.get("x-amz-date")!.slice(0, 11));
      assert.notEqual(signed[0], signed[1]);
      assert.match(bucketStore.warnings().join(), /clock is (7 h 59 min|8 h) behind that of S3/);
    },
  );
});

Deno.test("missing credentials are an error with the way out", async () => {
  await withScriptedBucket(() => EMPTY_LIST, async ({ bucketStore, server }) => {
    await assert.rejects(bucketStore.probe(NEVER), (error) => {
      assert.ok(error instanceof AccessDeniedError);
      assert.match(
        error.message,
        /TEST_ID and TEST_SECRET is not set.*Set TEST_ID and TEST_SECRET/,
      );
      return true;
    });
    assert.equal(server.requests.length, 0);
  }, { readEnv: () => undefined });
});

Deno.test("anonymous requests are not signed", async () => {
  await withScriptedBucket(() => EMPTY_LIST, async ({ bucketStore, server }) => {
    await bucketStore.probe(NEVER);
    assert.equal(server.requests[0]!.headers.has("authorization"), false);
    assert.equal(bucketStore.credentialsExpireAtMs, undefined);
  }, { credentials: { kind: "anonymous" } });
});

Deno.test("encryption, ACL and payer are told where they apply", async () => {
  const upload =
    `<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`;
  const copy = `<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>`;
  await withScriptedBucket(({ method, target, headers }) => {
    if (method === "POST") return reply(200, upload);
    if (headers.has("x-amz-copy-source")) return reply(200, copy);
    if (target.includes("list-type")) return EMPTY_LIST;
    return reply(200, "", { ETag: '"e"' });
  }, async ({ bucketStore: { store }, server }) => {
    await store.put("p", new Uint8Array(1), { storageClass: "GLACIER" }, NEVER);
    await store.copy({ key: "s" }, "c", {}, NEVER);
    await store.createMultipart("m", {}, NEVER);
    for (const { headers } of server.requests) {
      assert.equal(headers.get("x-amz-server-side-encryption"), "aws:kms");
      assert.equal(headers.get("x-amz-server-side-encryption-aws-kms-key-id"), "key-1");
      assert.equal(headers.get("x-amz-acl"), "bucket-owner-full-control");
    }
    assert.equal(server.requests[0]!.headers.get("x-amz-storage-class"), "GLACIER");
    await store.uploadPart("m", "u", 1, new Uint8Array(1), NEVER);
    assert.equal(server.requests.at(-1)!.headers.has("x-amz-acl"), false);
    await store.list({ prefix: "" }, NEVER);
    await store.delete("k", NEVER);
    for (const { headers } of server.requests) {
      assert.equal(headers.get("x-amz-request-payer"), "requester");
    }
  }, {
    sse: "aws:kms",
    sseKmsKeyId: "key-1",
    acl: "bucket-owner-full-control",
    requesterPays: true,
  });
});

Deno.test("every request is counted, repeats included", async () => {
  await withScriptedBucket((_request, index) => {
    if (index === 0) return errorReply(500, "InternalError");
    if (index === 1) return errorReply(503, "SlowDown");
    return reply(200, "body", { ETag: '"e"' });
  }, async ({ bucketStore: { store, stats } }) => {
    const body = await store.get("k", {}, NEVER);
    await body.read(new Uint8Array(4));
    await store.put("k", new Uint8Array(10), {}, NEVER);
    const { get, put, errors, retries, bytesDownloaded, bytesUploaded } = stats.snapshot();
    assert.deepEqual(
      { get, put, errors, retries, bytesUploaded },
      { get: 3, put: 1, errors: 2, retries: 2, bytesUploaded: 10 },
    );
    assert.ok(bytesDownloaded > 4);
  });
});

Deno.test("a prefix is part of every key", async () => {
  await withScriptedBucket(
    ({ target }) => target.includes("list-type") ? EMPTY_LIST : reply(200, "", { ETag: '"e"' }),
    async (bucket) => {
      const { bucketStore: { store }, server } = bucket;
      await store.put("k", new Uint8Array(1), {}, NEVER);
      assert.equal(server.requests[0]!.target, "/bkt/a/b%20c/k");
      await store.list({ prefix: "x" }, NEVER);
      assert.match(server.requests[1]!.target, /prefix=a%2Fb%20c%2Fx/);
      const page = await bucket.bucketStore.firstPage(NEVER);
      assert.deepEqual(page.prefixes, []);
      assert.match(server.requests[2]!.target, /prefix=a%2Fb%20c%2F&delimiter=%2F$/);
    },
    { prefix: "a/b c/" },
  );
});
