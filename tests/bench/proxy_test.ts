/** The line between mount and server, by a fake clock where time matters. */
import assert from "node:assert/strict";
import { ProxyLine } from "../../bench/line.ts";
import { scanHead } from "../../bench/proxy/request_scanner.ts";
import { TokenBucket } from "../../bench/proxy/token_bucket.ts";

const KIB = 1024;

Deno.test("TokenBucket lets a quiet line send 128 KiB at once, and then at its rate", () => {
  // 64 KiB a millisecond.
  const bucket = new TokenBucket(64 * KIB * 1000, 100);
  assert.equal(bucket.available(100), 128 * KIB);
  bucket.take(128 * KIB);
  assert.equal(bucket.available(100), 0);
  assert.equal(bucket.readyMs(100), 101);
  assert.equal(bucket.available(100.5), 0);
  assert.equal(bucket.available(101), 64 * KIB);
  bucket.take(64 * KIB);
  let sent = 0;
  for (let nowMs = 101; nowMs <= 201; nowMs++) {
    const allowed = bucket.available(nowMs);
    bucket.take(allowed);
    sent += allowed;
  }
  assert.equal(sent, 100 * 64 * KIB);
});

Deno.test("TokenBucket catches up a late wake-up, but saves nothing up while there is nothing to send", () => {
  const bucket = new TokenBucket(64 * KIB * 1000, 0);
  bucket.take(128 * KIB);
  assert.equal(bucket.available(10), 640 * KIB);
  assert.equal(bucket.available(1000), 1024 * KIB);
  bucket.rest();
  assert.equal(bucket.available(1000), 128 * KIB);
});

Deno.test("TokenBucket without a limit lets everything through", () => {
  const bucket = new TokenBucket(Infinity, 0);
  bucket.take(1e12);
  assert.equal(bucket.available(0), Infinity);
  assert.equal(bucket.readyMs(5), 5);
});

Deno.test("scanHead finds a request's head and the length of its body", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const text = "PUT /b/k?x=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
  const found = scanHead(bytes(text));
  assert.equal(found?.headBytes, text.length - 5);
  assert.deepEqual([found?.head.method, found?.head.target, found?.head.bodyBytes], [
    "PUT",
    "/b/k?x=1",
    5,
  ]);
  assert.equal(found?.head.header("host"), "h");
  assert.equal(scanHead(bytes("GET / HTTP/1.1\r\nHost: h\r\n\r")), undefined);
  assert.throws(() => scanHead(bytes("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")));
  assert.throws(() => scanHead(new Uint8Array(70 * KIB)));
});

/** A server that answers each request with its body, or with so many bytes as the path says. */
function echo(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const size = /\/b\/bytes-(\d+)$/.exec(request.url)?.[1];
    if (size !== undefined) return new Response(new Uint8Array(Number(size)).fill(7));
    return new Response(await request.bytes());
  });
}

const linuxTest = (name: string, run: () => Promise<void>): void => {
  if (Deno.build.os !== "linux") {
    Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${name}: it needs Linux\n`));
  }
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn: run });
};

linuxTest("The proxy passes bytes unchanged in both directions and counts by kind", async () => {
  await using server = echo();
  await using line = await ProxyLine.open({ port: server.addr.port });
  // More than a pipe and the sockets' buffers hold.
  const body = new Uint8Array(9_000_001).map((_, index) => index % 251);
  const put = await fetch(`${line.url}/b/k`, { method: "PUT", body });
  assert.deepEqual(await put.bytes(), body);
  const sizes = [0, 1, 70_000, 5_000_000];
  for (const size of sizes) {
    const got = await fetch(`${line.url}/b/bytes-${size}`);
    assert.equal((await got.bytes()).length, size);
  }
  await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    const response = await fetch(`${line.url}/b?list-type=2&prefix=${index}`);
    await response.body?.cancel();
  }));
  await (await fetch(`${line.url}/b/k`, { method: "HEAD" })).body?.cancel();
  const { requests, errors, bytesUp, bytesDown } = await line.report();
  assert.deepEqual(errors, []);
  const { put: puts, get, list, head, ...others } = requests;
  assert.deepEqual({ puts, get, list, head }, { puts: 1, get: 4, list: 20, head: 1 });
  assert.deepEqual([...new Set(Object.values(others))], [0]);
  assert.equal(bytesUp, body.length);
  assert.ok(bytesDown >= body.length + 5_070_001, `${bytesDown} bytes`);
});

linuxTest("The proxy holds each request back for the delay, side by side", async () => {
  await using server = echo();
  const delayMs = 250;
  await using line = await ProxyLine.open({ port: server.addr.port }, {
    delayMs,
    bytesPerSecond: 60e6,
  });
  const startMs = performance.now();
  await Promise.all(Array.from({ length: 5 }, async () => {
    // One after another on one connection each: at least two delays.
    for (let index = 0; index < 2; index++) await (await fetch(`${line.url}/b/bytes-9`)).bytes();
  }));
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 2 * delayMs, `${tookMs} ms`);
  // Not ten of them: on any machine that is not slower than seconds.
  assert.ok(tookMs < 9 * delayMs, `${tookMs} ms`);
  assert.equal((await line.requests()).get, 10);
});

linuxTest("The proxy limits what one connection carries", async () => {
  await using server = echo();
  await using line = await ProxyLine.open({ port: server.addr.port }, {
    delayMs: 0,
    bytesPerSecond: 2e6,
  });
  const startMs = performance.now();
  await (await fetch(`${line.url}/b/bytes-1128000`)).bytes();
  // All but the first 128 KiB at 2 MB/s.
  assert.ok(performance.now() - startMs >= 490);
});
