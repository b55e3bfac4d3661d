import assert from "node:assert/strict";
import { reply, startScriptedServer } from "../../tests/support/scripted_server.ts";
import { HttpError, type HttpErrorKind } from "./http_error.ts";
import type { HttpRequest } from "./http_exchange.ts";
import { HttpPool, type HttpShare } from "./http_pool.ts";

const NEVER = new AbortController().signal;

function get(url: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return {
    method: "GET",
    url,
    headers: {},
    firstByteTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    signal: NEVER,
    ...more,
  };
}

/** A test of both ways to send requests. */
function both(
  does: string,
  test: (newPool: (maxConnections: number) => HttpPool) => Promise<void>,
) {
  for (const [way, isProxied] of [["itself", false], ["by fetch", true]] as const) {
    Deno.test(`HttpPool, sending ${way}, ${does}`, async () => {
      await test((maxConnections) => new HttpPool({ maxConnections, isProxied }));
    });
  }
}

async function failsWith(kind: HttpErrorKind, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof HttpError, String(error));
    assert.equal(error.kind, kind, error.message);
    return true;
  });
}

async function readText(share: HttpShare, request: HttpRequest): Promise<string> {
  const response = await share.send(request);
  return new TextDecoder().decode(await response.body.readAll(1000));
}

both("holds a slot until the body was read", async (newPool) => {
  await using server = startScriptedServer(() => reply(200, "hello"));
  const pool = newPool(1);
  const share = pool.share();
  const first = await share.send(get(server.url));
  assert.equal(pool.inUse, 1);
  const second = share.send(get(server.url));
  const target = new Uint8Array(5);
  const bytes = await first.body.read(target);
  assert.equal(new TextDecoder().decode(bytes), "hello");
  await (await second).body.cancel();
  assert.equal(pool.inUse, 0);
  pool.close();
});

both("frees the slot of a body that is cancelled, failed or aborted", async (newPool) => {
  const partial = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
  await using server = startScriptedServer(({ target }) =>
    target === "/hang" ? [partial, "hang"] : [partial, "close"]
  );
  const pool = newPool(1);
  const share = pool.share();
  const cancelled = await share.send(get(`${server.url}/hang`));
  await cancelled.body.cancel();
  assert.equal(pool.inUse, 0);
  const broken = await share.send(get(`${server.url}/break`));
  await failsWith("broken", broken.body.read(new Uint8Array(100)));
  assert.equal(pool.inUse, 0);
  const controller = new AbortController();
  const aborted = await share.send(get(`${server.url}/hang`, { signal: controller.signal }));
  const reading = aborted.body.read(new Uint8Array(100));
  controller.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
  assert.equal(pool.inUse, 0);
  pool.close();
});

both("reports a body that stalls and an answer that does not come", async (newPool) => {
  const partial = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
  await using server = startScriptedServer(({ target }) =>
    target === "/silent" ? ["hang"] : [partial, "hang"]
  );
  const pool = newPool(1);
  const share = pool.share();
  const stalled = await share.send(get(`${server.url}/stall`, { stallTimeoutMs: 50 }));
  await failsWith("stalled", stalled.body.read(new Uint8Array(100)));
  await failsWith("timeout", share.send(get(`${server.url}/silent`, { firstByteTimeoutMs: 50 })));
  assert.equal(pool.inUse, 0);
  pool.close();
});

both("reports an upload that the server does not take", async (newPool) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const pool = newPool(1);
  const body = new Uint8Array(64 * 2 ** 20); // more than all buffers on the way hold
  const request = get(`http://127.0.0.1:${listener.addr.port}/`, {
    method: "PUT",
    body,
    stallTimeoutMs: 1_000,
  });
  await failsWith("stalled", pool.share().send(request));
  (await accepted).close();
  listener.close();
  pool.close();
});

both("lets an upload take its time while it moves", async (newPool) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const size = 48 * 2 ** 20;
  const serving = (async () => {
    using connection = await listener.accept();
    const piece = new Uint8Array(2 ** 20);
    let received = 0;
    for (let pauseAt = 0; received < size;) {
      received += await connection.read(piece) ?? size;
      if (received < pauseAt) continue;
      pauseAt = received + 4 * 2 ** 20;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await connection.write(new TextEncoder().encode(reply(200)));
  })();
  const pool = newPool(1);
  const startMs = performance.now();
  const response = await pool.share().send(get(`http://127.0.0.1:${listener.addr.port}/`, {
    method: "PUT",
    body: new Uint8Array(size),
    stallTimeoutMs: 2_000,
  }));
  assert.ok(performance.now() - startMs > 2_000);
  await response.body.cancel();
  await serving;
  listener.close();
  pool.close();
});

both("sends bodies with their length, and empty ones too", async (newPool) => {
  await using server = startScriptedServer(() => reply(200));
  const pool = newPool(1);
  const share = pool.share();
  const body = crypto.getRandomValues(new Uint8Array(60_000));
  for (const sent of [body, new Uint8Array(), new Uint8Array(5_000_000)]) {
    const response = await share.send(get(server.url, { method: "PUT", body: sent }));
    await response.body.cancel();
    const received = server.requests.at(-1)!;
    assert.equal(received.headers.get("content-length"), String(sent.byteLength));
    assert.equal(received.headers.has("transfer-encoding"), false);
    assert.deepEqual(received.body, sent);
  }
  pool.close();
});

both("keeps connections and drops idle ones on demand", async (newPool) => {
  await using server = startScriptedServer(() => reply(200, "x"));
  const pool = newPool(4);
  const share = pool.share();
  for (let i = 0; i < 5; i++) await readText(share, get(server.url));
  assert.ok(server.connections <= 2, `${server.connections} connections`);
  const before = server.connections;
  pool.dropIdleConnections();
  await readText(share, get(server.url));
  assert.equal(server.connections, before + 1);
  pool.close();
});

both("sends on a fresh connection only once", async (newPool) => {
  await using server = startScriptedServer(({ target }) =>
    target === "/break" ? ["close"] : reply(200, "x")
  );
  const pool = newPool(4);
  const share = pool.share();
  const post = (path: string) =>
    get(server.url + path, { method: "POST", onFreshConnection: true });
  for (let i = 1; i <= 3; i++) {
    await readText(share, post("/"));
    assert.equal(server.connections, i);
  }
  await failsWith("broken", share.send(post("/break")));
  assert.equal(server.requests.length, 4);
  assert.equal(pool.inUse, 0);
  pool.close();
});

both("sends a body only once, also where a kept connection breaks", async (newPool) => {
  await using server = startScriptedServer(({ method }) =>
    method === "PUT" ? ["close"] : reply(200, "x")
  );
  const pool = newPool(1);
  const share = pool.share();
  await readText(share, get(server.url));
  const put = get(server.url, { method: "PUT", body: new Uint8Array(10) });
  await failsWith("broken", share.send(put));
  assert.equal(server.requests.length, 2);
  pool.close();
});

both("lets exchanges end whose client was dropped", async (newPool) => {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>();
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  await using server = startScriptedServer(async () => {
    onAsked();
    await goOn;
    return reply(200, "whole");
  });
  const pool = newPool(4);
  const answer = readText(pool.share(), get(server.url));
  await asked;
  pool.dropIdleConnections();
  resolve();
  assert.equal(await answer, "whole");
  pool.close();
});

both(
  "fails exchanges at once whose connections are dead, and spares the others",
  async (newPool) => {
    let asked = Promise.withResolvers<void>();
    await using server = startScriptedServer(({ target }) => {
      asked.resolve();
      return target === "/body" ? [reply(200, "", { "Content-Length": "9" }), "hang"] : ["hang"];
    });
    const pool = newPool(4);
    const share = pool.share();
    const waiting = failsWith("broken", share.send(get(`${server.url}/head`)));
    await asked.promise;
    asked = Promise.withResolvers();
    const response = await share.send(get(`${server.url}/body`));
    const reading = failsWith("broken", response.body.readAll(100));
    pool.breakExchanges((address) => address === "192.0.2.1");
    assert.equal(pool.inUse, 2);
    pool.breakExchanges(() => true);
    await Promise.all([waiting, reading]);
    assert.equal(pool.inUse, 0);
    pool.close();
  },
);

both("does not follow redirects", async (newPool) => {
  await using server = startScriptedServer(() => reply(307, "there", { Location: "/there" }));
  const pool = newPool(1);
  const redirect = await pool.share().send(get(`${server.url}/away`));
  assert.equal(redirect.status, 307);
  await redirect.body.cancel();
  pool.close();
});

both("says why no answer came", async (newPool) => {
  await using server = startScriptedServer(({ target }) =>
    target === "/garbage" ? ["GARBAGE\r\n\r\n", "close"] : ["close"]
  );
  const pool = newPool(1);
  const share = pool.share();
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = free.addr.port;
  free.close();
  await failsWith("connect", share.send(get(`http://127.0.0.1:${port}/`)));
  await failsWith("dns", share.send(get("http://no-such-host.invalid/")));
  await failsWith("protocol", share.send(get(`${server.url}/garbage`)));
  await failsWith("broken", share.send(get(`${server.url}/close`)));
  assert.equal(pool.inUse, 0);
  pool.close();
});

both("tells a server without TLS from one that is not there", async (newPool) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    connection.close();
  })();
  const pool = newPool(1);
  await failsWith("tls", pool.share().send(get(`https://127.0.0.1:${listener.addr.port}/`)));
  await serving;
  listener.close();
  pool.close();
});

both("answers outside the slots while all are taken", async (newPool) => {
  await using server = startScriptedServer(() => reply(200, "hello"));
  const pool = newPool(1);
  const share = pool.share();
  const held = await share.send(get(server.url));
  const response = await share.sendUncounted(get(server.url));
  assert.equal(response.status, 200);
  await response.body.cancel();
  await held.body.cancel();
  pool.close();
});
