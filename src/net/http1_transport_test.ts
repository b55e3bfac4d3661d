import assert from "node:assert/strict";
import { systemClock } from "../base/clock.ts";
import { reply, startScriptedServer } from "../../tests/support/scripted_server.ts";
import { FetchTransport } from "./fetch_transport.ts";
import { HttpError } from "./http_error.ts";
import type { HttpRequest, HttpResponse } from "./http_exchange.ts";
import { Http1Transport } from "./http1_transport.ts";

const NEVER = new AbortController().signal;

function newTransport(): Http1Transport & AsyncDisposable {
  const transport = new Http1Transport(systemClock, 8, new FetchTransport(systemClock, 8));
  return Object.assign(transport, {
    [Symbol.asyncDispose]: () => Promise.resolve(transport.close()),
  });
}

function send(
  transport: Http1Transport,
  url: string,
  more: Partial<HttpRequest> = {},
): Promise<HttpResponse> {
  const request: HttpRequest = {
    method: "GET",
    url,
    headers: {},
    firstByteTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    signal: NEVER,
    ...more,
  };
  return transport.exchange(request, { download: undefined, upload: undefined, onEnd: () => {} });
}

async function text(response: HttpResponse): Promise<string> {
  return new TextDecoder().decode(await response.body.readAll(1_000_000));
}

function failsAs(kind: string, message = /./) {
  return (error: unknown) =>
    error instanceof HttpError && error.kind === kind && message.test(error.message);
}

Deno.test("Http1Transport keeps a connection for the next request to the origin", async () => {
  await using server = startScriptedServer(({ target }) => reply(200, target));
  await using transport = newTransport();
  for (let i = 0; i < 20; i++) {
    assert.equal(await text(await send(transport, `${server.url}/${i}`)), `/${i}`);
  }
  assert.equal(server.connections, 1);
  const both = await Promise.all([send(transport, server.url), send(transport, server.url)]);
  for (const response of both) await response.body.readAll(10);
  assert.equal(server.connections, 2);
});

Deno.test("Http1Transport uses no connection again that is not at a clean end", async () => {
  await using server = startScriptedServer(({ target }) => {
    if (target === "/close") return reply(200, "x", { Connection: "close" });
    if (target === "/more") return `${reply(200, "x")}HTTP/1.1 200 OK\r\n\r\n`;
    if (target === "/old") return ["HTTP/1.0 200 OK\r\n\r\nx", "close"];
    return reply(200, "x".repeat(100_000));
  });
  await using transport = newTransport();
  let connections = 0;
  for (const target of ["/close", "/more", "/old"]) {
    assert.equal(await text(await send(transport, server.url + target)), "x");
    assert.equal(server.connections, ++connections);
  }
  const { body } = await send(transport, `${server.url}/`);
  await body.cancel();
  await (await send(transport, `${server.url}/`)).body.readAll(1_000_000);
  assert.equal(server.connections, connections + 2);
  await assert.rejects(body.read(new Uint8Array(1)), failsAs("broken", /cancelled/));
});

Deno.test("Http1Transport keeps the connection of an answer that is here and not wanted", async () => {
  await using server = startScriptedServer(() => reply(404, "no"));
  await using transport = newTransport();
  for (let i = 0; i < 3; i++) await (await send(transport, server.url)).body.cancel();
  assert.equal(server.connections, 1);
});

Deno.test("Http1Transport asks once more where a kept connection was closed under a GET", async () => {
  await using server = startScriptedServer((_, index) => {
    // The second request of a connection meets its end, without an answer.
    return index === 0 || index === 2 ? reply(200, "x") : ["close"];
  });
  await using transport = newTransport();
  assert.equal(await text(await send(transport, server.url)), "x");
  assert.equal(await text(await send(transport, server.url)), "x");
  assert.equal(server.requests.length, 3);
  assert.equal(server.connections, 2);
  // On a fresh connection it is not repeated.
  await assert.rejects(send(transport, server.url), failsAs("broken"));
  assert.equal(server.requests.length, 5); // one kept and closed, one fresh
});

Deno.test("Http1Transport sends nothing twice that changes something", async () => {
  await using server = startScriptedServer(({ method }) =>
    method === "GET" ? reply(200, "x") : ["close"]
  );
  await using transport = newTransport();
  for (const method of ["DELETE", "POST", "PUT"]) {
    await text(await send(transport, server.url));
    const before = server.requests.length;
    await assert.rejects(send(transport, server.url, { method }), failsAs("broken"));
    assert.equal(server.requests.length, before + 1);
  }
});

Deno.test("Http1Transport hears an answer that comes before all was sent", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const serving = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(1000));
    // It takes no more, and does not close.
    await connection.write(new TextEncoder().encode(reply(403, "no")));
    await mayEnd;
  })();
  await using transport = newTransport();
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  const body = new Uint8Array(50_000_000);
  const response = await send(transport, url, { method: "PUT", body });
  assert.equal(response.status, 403);
  assert.equal(await text(response), "no");
  end();
  await serving;
  listener.close();
});

Deno.test("Http1Transport does not use a connection again on which it has not sent all", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { promise: hasTaken, resolve: onTaken } = Promise.withResolvers<void>();
  const serving = (async () => {
    const refusing = await listener.accept();
    await refusing.read(new Uint8Array(1000));
    await refusing.write(new TextEncoder().encode(reply(403, "no")));
    const piece = new Uint8Array(2 ** 20);
    for (let taken = 0; taken < 2 ** 21;) taken += await refusing.read(piece) ?? 2 ** 21;
    onTaken();
    const draining = isEnded(refusing);
    using serving = await listener.accept();
    await serving.read(new Uint8Array(1000));
    await serving.write(new TextEncoder().encode(reply(200, "x")));
    await draining;
    refusing.close();
  })();
  await using transport = newTransport();
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  const body = new Uint8Array(50_000_000);
  const refusal = await send(transport, url, { method: "PUT", body });
  await hasTaken; // and so the write that was under way is done
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await text(refusal), "no");
  assert.equal(await text(await send(transport, url)), "x");
  await serving;
  listener.close();
});

Deno.test("Http1Transport keeps the connection of large bodies, both ways", async () => {
  await using server = startScriptedServer(() => reply(200, "x".repeat(3_000_000)));
  await using transport = newTransport();
  for (let i = 0; i < 5; i++) {
    const response = await send(transport, server.url, {
      method: "PUT",
      body: new Uint8Array(5_000_000),
    });
    assert.equal((await response.body.readAll(3_000_000)).byteLength, 3_000_000);
  }
  assert.equal(server.connections, 1);
});

/** A server that accepts, and then neither reads nor writes. */
function startDeafServer() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sockets: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const socket of listener) sockets.push(socket);
  })();
  return {
    port: listener.addr.port,
    /** Ends; tells how many connections there were, and how many of them the clients had closed. */
    async end(): Promise<{ accepted: number; closed: number }> {
      listener.close();
      await accepting;
      let closed = 0;
      await Promise.all(sockets.map(async (socket) => {
        const timer = setTimeout(() => closeQuietly(socket), 200);
        if (await isEnded(socket)) closed++;
        clearTimeout(timer);
        closeQuietly(socket);
      }));
      return { accepted: sockets.length, closed };
    },
  };
}

/** Reads until the other side has closed, or this one: then false. */
async function isEnded(socket: Deno.Conn): Promise<boolean> {
  const buffer = new Uint8Array(2 ** 20);
  try {
    while (await socket.read(buffer) !== null);
    return true;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionReset;
  }
}

function closeQuietly(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch {
    // closed already
  }
}

Deno.test("Http1Transport passes over interim answers", async () => {
  await using server = startScriptedServer(() =>
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n${reply(200, "x")}`
  );
  await using transport = newTransport();
  assert.equal(await text(await send(transport, server.url)), "x");
});

Deno.test("Http1Transport refuses answers that are no HTTP or have no end of head", async () => {
  await using server = startScriptedServer(({ target }) => {
    if (target === "/ssh") return ["SSH-2.0-x\r\n", "hang"];
    if (target === "/cut") return ["HTTP/1.1 200 OK\r\nA: b\r\n", "close"];
    return `HTTP/1.1 200 OK\r\n${`A: ${"x".repeat(1000)}\r\n`.repeat(70)}\r\n`;
  });
  await using transport = newTransport();
  await assert.rejects(send(transport, `${server.url}/ssh`), failsAs("protocol", /not HTTP/));
  await assert.rejects(send(transport, `${server.url}/cut`), failsAs("broken"));
  await assert.rejects(send(transport, `${server.url}/long`), failsAs("protocol", /longer/));
});

Deno.test("Http1Transport gives up connecting when time is over or the caller has", async () => {
  const server = startDeafServer();
  await using transport = newTransport();
  const url = `https://127.0.0.1:${server.port}/`;
  await assert.rejects(send(transport, url, { firstByteTimeoutMs: 50 }), failsAs("timeout"));
  const controller = new AbortController();
  const sending = send(transport, url, { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 20);
  await assert.rejects(sending, /enough/);
  await server.end();
});

Deno.test("Http1Transport leaves one connection at most with an endpoint that hangs", async () => {
  const requests: readonly (readonly [scheme: string, request: Partial<HttpRequest>])[] = [
    ["https", { firstByteTimeoutMs: 50 }],
    ["http", { firstByteTimeoutMs: 50 }],
    ["http", { method: "PUT", body: new Uint8Array(50_000_000), stallTimeoutMs: 100 }],
  ];
  for (const [scheme, request] of requests) {
    const server = startDeafServer();
    await using transport = newTransport();
    const url = `${scheme}://127.0.0.1:${server.port}/`;
    for (let i = 0; i < 5; i++) await assert.rejects(send(transport, url, request), HttpError);
    const { accepted, closed } = await server.end();
    assert.equal(accepted, 5);
    assert.ok(closed >= 4, `${closed} were closed by a client of ${scheme}`);
  }
});

Deno.test("Http1Transport refuses what is not an http URL", async () => {
  await using transport = newTransport();
  for (const url of ["ftp://a/", "http://", "http://a/ b", "/a"]) {
    await assert.rejects(send(transport, url), TypeError);
  }
});
