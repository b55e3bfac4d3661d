/** What mounts that share a pool may expect of each other, and of the limits. */
import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { reply, startScriptedServer } from "../../tests/support/scripted_server.ts";
import type { HttpRequest } from "./http_exchange.ts";
import { HttpPool, type HttpShare } from "./http_pool.ts";

const KIB = 1024;

function request(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "GET",
    url,
    headers: {},
    firstByteTimeoutMs: 10_000,
    stallTimeoutMs: 1e9, // the clocks of these tests run faster than the network
    signal: new AbortController().signal,
    ...more,
  };
}

async function get(share: HttpShare, url: string, more: Partial<HttpRequest> = {}): Promise<void> {
  const response = await share.send(request(url, more));
  await response.body.readAll(10 * 2 ** 20);
}

/** Lets the network move. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Moves the clock until `work` is done; `check` sees the time at each step. */
async function timed(
  clock: FakeClock,
  work: Promise<unknown>,
  check: (elapsedMs: number) => void,
): Promise<number> {
  let isDone = false;
  const done = work.finally(() => isDone = true);
  let elapsedMs = 0;
  while (!isDone) {
    await turn();
    check(elapsedMs);
    await clock.advance(20);
    elapsedMs += 20;
  }
  await done;
  return elapsedMs;
}

for (const isProxied of [false, true]) {
  const way = isProxied ? "by fetch" : "itself";

  Deno.test(`HttpPool, sending ${way}, downloads no faster than its limit`, async () => {
    await using server = startScriptedServer(() => reply(200, "x".repeat(1000 * KIB)));
    const clock = new FakeClock();
    const pool = new HttpPool({ maxConnections: 4, clock, isProxied, downloadLimit: 200 * KIB });
    const responses = await Promise.all(
      [pool.share(), pool.share()].map((share) => share.send(request(server.url))),
    );
    const reading = Promise.all(responses.map(({ body }) => body.readAll(2 ** 20)));
    const elapsedMs = await timed(clock, reading, (ms) => {
      const [a, b] = responses.map(({ body }) => body.received);
      assert.ok(a! + b! <= 200 * KIB * (ms / 1000 + 0.1), `${a} + ${b} in ${ms} ms`);
    });
    assert.ok(elapsedMs >= 9_900); // 2000 KiB, less the burst
    pool.close();
  });

  Deno.test(`HttpPool, sending ${way}, uploads no faster than its limit`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    let received = 0;
    const serving = (async () => {
      using connection = await listener.accept();
      const buffer = new Uint8Array(64 * KIB);
      while (received < 1000 * KIB) received += await connection.read(buffer) ?? 1e9;
      await connection.write(new TextEncoder().encode(reply(200)));
    })();
    const clock = new FakeClock();
    const pool = new HttpPool({ maxConnections: 4, clock, isProxied, uploadLimit: 100 * KIB });
    const body = new Uint8Array(1000 * KIB);
    const url = `http://127.0.0.1:${listener.addr.port}/`;
    const putting = get(pool.share(), url, { method: "PUT", body, firstByteTimeoutMs: 1e9 });
    const elapsedMs = await timed(clock, putting, (ms) => {
      const most = 100 * KIB * (ms / 1000 + 0.1) + 1 * KIB; // and the head
      assert.ok(received <= most, `${received} in ${ms} ms`);
    });
    assert.ok(elapsedMs >= 9_800);
    await serving;
    listener.close();
    pool.close();
  });
}

Deno.test("HttpPool goes by other limits, also for mounts that are there already", async () => {
  await using server = startScriptedServer(() => reply(200, "x".repeat(1000 * KIB)));
  const clock = new FakeClock();
  const pool = new HttpPool({ maxConnections: 4, clock });
  const share = pool.share();
  const download = async () => (await share.send(request(server.url))).body.readAll(2 ** 20);
  // Without a limit no time passes: the clock stands still.
  await download();
  pool.setLimits({ maxConnections: 2, downloadLimit: 200 * KIB });
  assert.equal(pool.limit, 2);
  assert.ok(await timed(clock, download(), () => {}) >= 4_900);
  pool.setLimits({ maxConnections: 2 });
  await download();
  share.close();
  pool.close();
});

Deno.test("HttpPool lets the connections of one mount serve another one", async () => {
  await using server = startScriptedServer(() => reply(200, "x"));
  const pool = new HttpPool({ maxConnections: 4 });
  for (let i = 0; i < 4; i++) await get(pool.share(), server.url);
  assert.equal(server.connections, 1);
  pool.close();
});

Deno.test("HttpPool serves two mounts that read at once about evenly", async () => {
  await using server = startScriptedServer(async () => {
    await turn();
    return reply(200, "x");
  });
  const pool = new HttpPool({ maxConnections: 8 });
  const [a, b] = [pool.share(), pool.share()];
  let ofA = 0;
  let ofB = 0;
  const isBulk = true;
  const all = Array.from({ length: 200 }, async () => {
    await get(a, server.url, { isBulk });
    ofA++;
  });
  await turn();
  let ofAWhenBEnded = 0;
  all.push(...Array.from({ length: 50 }, async () => {
    await get(b, server.url, { isBulk });
    if (++ofB === 50) ofAWhenBEnded = ofA;
  }));
  await Promise.all(all);
  assert.ok(ofAWhenBEnded >= 35 && ofAWhenBEnded <= 70, `${ofAWhenBEnded} of A, 50 of B`);
  pool.close();
});

Deno.test("HttpPool keeps slots for listings while bulk data stand still", async () => {
  await using server = startScriptedServer(({ target }) =>
    target === "/bulk" ? ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1", "hang"] : reply(200, "x")
  );
  const pool = new HttpPool({ maxConnections: 16 });
  const share = pool.share();
  const controller = new AbortController();
  const bulk = Array.from({ length: 30 }, async () => {
    await get(share, `${server.url}/bulk`, { isBulk: true, signal: controller.signal });
  });
  const outcomes = Promise.allSettled(bulk);
  for (let i = 0; i < 20; i++) await get(share, `${server.url}/list`);
  assert.equal(pool.inUse, 14);
  controller.abort();
  assert.ok((await outcomes).every(({ status }) => status === "rejected"));
  assert.equal(pool.inUse, 0);
  pool.close();
});

Deno.test("HttpPool serves a mount while another one's endpoint accepts and never answers", async () => {
  await using alive = startScriptedServer(() => reply(200, "x"));
  await using dead = startScriptedServer(() => ["hang"]);
  const clock = new FakeClock();
  const pool = new HttpPool({ maxConnections: 8, clock });
  const [a, b] = [pool.share(), pool.share()];
  let failed = 0;
  const waiting = Array.from({ length: 20 }, async () => {
    await assert.rejects(get(a, dead.url), /no answer within 10 s/);
    failed++;
  });
  // Not a moment passes: nothing here waits for a timeout.
  for (let i = 0; i < 30; i++) await get(b, alive.url);
  await Promise.all(Array.from({ length: 30 }, () => get(b, alive.url)));
  assert.equal(a.inUse, 6); // of 8, as 2 are reserved for the other mount
  assert.equal(dead.requests.length, 6);
  for (let asked = 6; asked < 20; asked += 6) {
    await clock.advance(10_000);
    while (dead.requests.length < Math.min(20, asked + 6)) await turn();
    assert.equal(failed, asked); // and gave so many slots back
  }
  await clock.advance(10_000);
  await Promise.all(waiting);
  assert.equal(pool.inUse, 0);
  pool.close();
});
