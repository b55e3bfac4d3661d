import assert from "node:assert/strict";
import { withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { errorReply, reply, type ScriptedRequest } from "../../../tests/support/scripted_server.ts";
import {
  NotFoundError,
  PreconditionFailedError,
  StoreError,
  ThrottledError,
  TransportError,
} from "../errors.ts";

const NEVER = new AbortController().signal;

/** Pseudo-random, so that a misplaced byte shows. */
function content(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) * 13) & 255);
}

/** Serves `bytes` by range, but ends each answer's body after `limit` bytes. */
function breakingServer(
  bytes: Uint8Array,
  limit: (index: number) => number,
  etag = (_index: number) => '"e"',
): (request: ScriptedRequest, index: number) => (string | Uint8Array | "close")[] {
  return ({ headers }, index) => {
    const match = /bytes=(\d+)-(\d+)/.exec(headers.get("range") ?? "");
    const start = Number(match?.[1] ?? 0);
    const end = match === null ? bytes.length : Number(match[2]) + 1;
    const condition = headers.get("if-match");
    if (condition !== undefined && condition !== etag(index)) {
      return [errorReply(412, "PreconditionFailed")];
    }
    const head = `HTTP/1.1 206 Partial Content\r\nETag: ${etag(index)}\r\n` +
      `Content-Range: bytes ${start}-${end - 1}/${bytes.length}\r\nContent-Length: ${
        end - start
      }\r\n\r\n`;
    const sent = bytes.subarray(start, Math.min(end, start + limit(index)));
    return sent.length < end - start ? [head, sent, "close"] : [head, sent];
  };
}

Deno.test("a body that breaks goes on where it broke, for the same version", async () => {
  const bytes = content(1_000_000);
  const range = { start: 1_000, end: 900_000 };
  await withScriptedBucket(
    breakingServer(bytes, () => 300_000),
    async ({ bucketStore: { store, stats }, server, pool }) => {
      const body = await store.get("k", { range }, NEVER);
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for (;;) {
        const piece = await body.read(new Uint8Array(100_000));
        pieces.push(piece);
        if (piece.byteLength < 100_000) break;
      }
      const whole = new Uint8Array(await new Blob(pieces).arrayBuffer());
      assert.deepEqual(whole, bytes.slice(1_000, 900_000));
      assert.ok(server.requests.length >= 3);
      for (const { headers } of server.requests.slice(1)) {
        assert.equal(headers.get("if-match"), '"e"');
        assert.match(headers.get("range")!, /^bytes=\d+-899999$/);
      }
      assert.equal(stats.snapshot().retries, server.requests.length - 1);
      assert.equal(pool.inUse, 0);
    },
  );
});

Deno.test("a body that breaks spares the rest of the buffer it is read into", async () => {
  const bytes = content(200_000);
  await withScriptedBucket(
    breakingServer(bytes, (index) => index === 0 ? 150_000 : 200_000),
    async ({ bucketStore: { store } }) => {
      const body = await store.get("k", { range: { start: 0, end: 200_000 } }, NEVER);
      const whole = new Uint8Array(200_000);
      for (let at = 0; at < 200_000; at += 50_000) {
        const piece = await body.read(whole.subarray(at, at + 50_000));
        assert.equal(piece.byteLength, 50_000);
        assert.equal(piece.buffer, whole.buffer);
      }
      assert.deepEqual(whole, bytes);
    },
  );
});

Deno.test("a body that breaks after the object changed is not mixed", async () => {
  await withScriptedBucket(
    breakingServer(content(100_000), () => 50_000, (index) => index === 0 ? '"old"' : '"new"'),
    async ({ bucketStore: { store }, pool }) => {
      const body = await store.get("k", { range: { start: 0, end: 100_000 } }, NEVER);
      await assert.rejects(body.read(new Uint8Array(100_000)), PreconditionFailedError);
      assert.equal(pool.inUse, 0);
    },
  );
});

Deno.test("a body that never comes fails in bounded time", async () => {
  await withScriptedBucket(
    breakingServer(content(100_000), () => 0),
    async ({ bucketStore: { store }, server }) => {
      const body = await store.get("k", { range: { start: 0, end: 100_000 } }, NEVER);
      await assert.rejects(body.read(new Uint8Array(100_000)), TransportError);
      assert.ok(server.requests.length < 40, `${server.requests.length} requests`);
    },
    { deadlines: { firstByteMs: 200, stallMs: 200, totalMs: 500 } },
  );
});

Deno.test("a silent endpoint fails every call in bounded time", async () => {
  const deadlines = { firstByteMs: 100, stallMs: 100, totalMs: 300 };
  await withScriptedBucket(() => ["hang"], async ({ bucketStore: { store }, pool }) => {
    const startMs = performance.now();
    const body = new Uint8Array(100_000);
    const outcomes = await Promise.allSettled([
      store.list({ prefix: "" }, NEVER),
      store.head("k", NEVER),
      store.get("k", {}, NEVER),
      store.put("k", body, {}, NEVER),
      store.copy({ key: "s" }, "k", {}, NEVER),
      store.delete("k", NEVER),
      store.deleteMany(["k"], NEVER),
      store.createMultipart("k", {}, NEVER),
      store.uploadPart("k", "u", 1, body, NEVER),
      store.completeMultipart("k", "u", [], {}, NEVER),
    ]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.ok(outcome.reason instanceof TransportError, String(outcome.reason));
    }
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 3_000, `took ${tookMs} ms`);
    assert.equal(pool.inUse, 0);
  }, { deadlines });
});

Deno.test("an upload may take longer than an answer while the endpoint lives", async () => {
  const { promise: later, resolve } = Promise.withResolvers<void>();
  let probes = 0;
  await withScriptedBucket(async ({ method }) => {
    if (method === "HEAD" && ++probes === 3) resolve();
    if (method === "PUT") await later;
    return method === "HEAD" ? reply(403) : reply(200, "", { ETag: '"e"' });
  }, async ({ bucketStore: { store, stats } }) => {
    await store.put("k", new Uint8Array(10), {}, NEVER);
    assert.equal(stats.snapshot().put, 1);
  }, { deadlines: { firstByteMs: 100, stallMs: 5_000, totalMs: 5_000 } });
});

Deno.test("of the refusals only those that may pass are repeated", async () => {
  const cases: [string, number][] = [
    [errorReply(400, "InvalidArgument"), 1],
    [errorReply(403, "AccessDenied"), 1],
    [errorReply(404, "NoSuchKey"), 1],
    [errorReply(412, "PreconditionFailed"), 1],
    [errorReply(501, "NotImplemented"), 1],
    [errorReply(400, "RequestTimeout"), 2],
    [reply(408), 2],
    [reply(429), 2],
    [errorReply(500, "InternalError"), 2],
    [errorReply(503, "SlowDown"), 2],
    [reply(502, "<html>bad gateway</html>"), 2],
  ];
  for (const [answer, requests] of cases) {
    await withScriptedBucket(
      (_request, index) => index === 0 ? answer : reply(200, "x", { ETag: '"e"' }),
      async ({ bucketStore: { store }, server }) => {
        const outcome = await store.get("k", {}, NEVER).catch((error: unknown) => error);
        if (requests === 1) assert.ok(outcome instanceof StoreError);
        else if (!(outcome instanceof Error)) {
          await (outcome as { cancel(): Promise<void> }).cancel();
        }
        assert.equal(server.requests.length, requests, answer);
      },
    );
  }
});

Deno.test("an endpoint that throttles for too long is reported as such", async () => {
  await withScriptedBucket(
    () => errorReply(503, "SlowDown"),
    async ({ bucketStore: { store } }) => {
      await assert.rejects(store.head("k", NEVER), ThrottledError);
    },
    { deadlines: { firstByteMs: 200, stallMs: 200, totalMs: 300 } },
  );
});

Deno.test("a lost answer to a conditional write is recognised as success", async () => {
  const body = content(1000);
  await withScriptedBucket(({ method }, index) => {
    if (index === 0) return ["close"];
    if (method === "PUT") return errorReply(412, "PreconditionFailed");
    const head = `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "mine"\r\n\r\n`;
    return method === "HEAD" ? head : [head, body];
  }, async ({ bucketStore: { store } }) => {
    const result = await store.put("k", body, { ifNoneMatch: "*" }, NEVER);
    assert.equal(result.etag, '"mine"');
  });
});

Deno.test("a write that another one was faster with is not taken for our own", async () => {
  await withScriptedBucket(({ method }, index) => {
    if (index === 0) return ["close"];
    if (method === "PUT") return errorReply(412, "PreconditionFailed");
    const head = `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "theirs"\r\n\r\n`;
    return method === "HEAD" ? head : [head, new Uint8Array(1000)];
  }, async ({ bucketStore: { store } }) => {
    await assert.rejects(
      store.put("k", content(1000), { ifNoneMatch: "*" }, NEVER),
      PreconditionFailedError,
    );
  });
});

Deno.test("a write of before a restart is recognised at the first refusal", async () => {
  const body = content(1000);
  for (const present of ["theirs", "mine"]) {
    await withScriptedBucket(({ method }) => {
      if (method === "PUT") return errorReply(412, "PreconditionFailed");
      const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nx-amz-meta-mtime: 1.5\r\n" +
        `ETag: "${present}"\r\n\r\n`;
      const bytes = present === "mine" ? body : new Uint8Array(1000);
      return method === "HEAD" ? head : [head, bytes];
    }, async ({ bucketStore: { store }, server }) => {
      const options = { ifNoneMatch: "*", metadata: { mtime: "1.5" } } as const;
      const written = store.put("k", body, options, NEVER);
      if (present === "mine") assert.deepEqual(await written, { etag: '"mine"' });
      else await assert.rejects(written, PreconditionFailedError);
      assert.deepEqual(server.requests.map(({ method }) => method), ["PUT", "HEAD", "GET"]);
    });
  }
});

Deno.test("a lost answer to the completion of an upload is recognised as success", async () => {
  // MD5 of the two MD5s of "a" and "b".
  const parts = [
    { partNumber: 2, etag: '"92eb5ffee6ae2fec3ad71c777531578f"' },
    { partNumber: 1, etag: '"0cc175b9c0f1b6a831c399e269772661"' },
  ];
  const etag = '"96e024ba2074fe77e8e965ba43a704be-2"';
  for (const present of [etag, '"another"']) {
    await withScriptedBucket(({ method }, index) => {
      if (index === 0) return ["close"];
      if (method === "POST") return errorReply(404, "NoSuchUpload");
      return reply(200, "", { ETag: present });
    }, async ({ bucketStore: { store } }) => {
      const completed = store.completeMultipart("k", "u", parts, { ifNoneMatch: "*" }, NEVER);
      if (present === etag) assert.deepEqual(await completed, { etag });
      else await assert.rejects(completed, NotFoundError);
    });
  }
});
