import assert from "node:assert/strict";
import { startS3Server } from "../../src/serve_s3/server.ts";
import { type FaultProxy, startFaultProxy } from "./fault_proxy.ts";

interface World extends AsyncDisposable {
  readonly proxy: FaultProxy;
  /** Straight to the server. */
  readonly direct: string;
  readonly object: string;
}

const SIZE = 300_000;
const bytes = new Uint8Array(SIZE).map((_, i) => (i * 31) & 255);

/** A server with one object behind a proxy. */
async function startWorld(seed = 1): Promise<World> {
  const directory = await Deno.makeTempDir();
  const server = await startS3Server({ directory });
  const proxy = await startFaultProxy(server.url, { seed });
  for (const [path, body] of [["/bkt", null], ["/bkt/key", bytes]] as const) {
    await (await fetch(server.url + path, { method: "PUT", body })).text();
  }
  return {
    proxy,
    direct: server.url,
    object: `${proxy.url}/bkt/key`,
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      await server.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

async function read(url: string): Promise<Uint8Array> {
  return await (await fetch(url)).bytes();
}

async function statusOf(url: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, init);
  // To its end, or the connection could not be used again.
  await response.bytes();
  return response.status;
}

Deno.test("without faults everything passes, over connections that are kept", async () => {
  await using world = await startWorld();
  for (let i = 0; i < 5; i++) assert.deepEqual(await read(world.object), bytes);
  assert.equal(await statusOf(`${world.proxy.url}/bkt/new`, { method: "PUT", body: bytes }), 200);
  assert.deepEqual(await read(`${world.direct}/bkt/new`), bytes);
  assert.equal(await statusOf(world.object, { method: "HEAD" }), 200);
  assert.equal(await statusOf(`${world.proxy.url}/bkt/new`, { method: "DELETE" }), 204);
  assert.equal(world.proxy.connectionCount, 1);
  assert.equal(world.proxy.requestCount, 8);
  assert.deepEqual(world.proxy.log[5], {
    method: "PUT",
    path: "/bkt/new",
    status: 200,
    requestBodyBytes: SIZE,
    responseBodyBytes: 0,
  });
  assert.equal(world.proxy.log[0]?.responseBodyBytes, SIZE);
});

Deno.test("chunked answers pass too", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(
        ReadableStream.from(["one ", "two ", "x".repeat(100_000)]).pipeThrough(
          new TextEncoderStream(),
        ),
      ),
  );
  const proxy = await startFaultProxy(`http://127.0.0.1:${server.addr.port}`);
  for (let i = 0; i < 3; i++) {
    const text = await (await fetch(proxy.url)).text();
    assert.equal(text, "one two " + "x".repeat(100_000));
  }
  assert.equal(proxy.connectionCount, 1);
  await proxy.close();
  await server.shutdown();
});

Deno.test("error answers come so often as the rule says, and only where it applies", async () => {
  await using world = await startWorld();
  await world.proxy.setFaults({
    rules: [
      { fault: { kind: "slow_down" }, method: "GET", path: /key/, times: 2 },
      { fault: { kind: "internal_error" }, method: "PUT" },
    ],
  });
  assert.equal(await statusOf(world.object, { method: "HEAD" }), 200);
  const answer = await fetch(world.object);
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /<Code>SlowDown</);
  assert.deepEqual([await statusOf(world.object), await statusOf(world.object)], [503, 200]);
  const put = { method: "PUT", body: bytes };
  assert.equal(await statusOf(`${world.proxy.url}/bkt/other`, put), 500);
  assert.equal(await statusOf(`${world.direct}/bkt/other`), 404);
  assert.deepEqual(world.proxy.log.map((entry) => entry.fault), [
    undefined,
    "slow_down",
    "slow_down",
    undefined,
    "internal_error",
  ]);
  assert.equal(world.proxy.connectionCount, 1);
});

Deno.test("faults by probability are the same for the same seed", async () => {
  const outcomes = async (seed: number) => {
    await using world = await startWorld(seed);
    await world.proxy.setFaults({ rules: [{ fault: { kind: "slow_down" }, probability: 0.5 }] });
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++) statuses.push(await statusOf(world.object, { method: "HEAD" }));
    return statuses;
  };
  const first = await outcomes(7);
  assert.deepEqual(new Set(first), new Set([200, 503]));
  assert.deepEqual(await outcomes(7), first);
});

Deno.test("a reset before the request leaves the server untouched; a lost response does not", async () => {
  await using world = await startWorld();
  const put = (key: string) =>
    fetch(`${world.proxy.url}/bkt/${key}`, { method: "PUT", body: "written" });
  await world.proxy.setFaults({ rules: [{ fault: { kind: "reset_before" } }] });
  await assert.rejects(put("never"), TypeError);
  assert.equal(await statusOf(`${world.direct}/bkt/never`), 404);
  await world.proxy.setFaults({ rules: [{ fault: { kind: "lost_response" } }] });
  await assert.rejects(put("done"), TypeError);
  assert.equal(new TextDecoder().decode(await read(`${world.direct}/bkt/done`)), "written");
  assert.equal(world.proxy.log.at(-1)?.status, 200);
  await assert.rejects(read(world.object), TypeError);
  assert.equal(world.proxy.log.at(-1)?.responseBodyBytes, 0);
});

Deno.test("bodies break off after so many bytes, by a reset or by an early end", async () => {
  await using world = await startWorld();
  for (const kind of ["reset_in_body", "truncated_body"] as const) {
    for (const afterBytes of [0, 1, 100_000, SIZE - 1]) {
      await world.proxy.setFaults({ rules: [{ fault: { kind, afterBytes }, times: 1 }] });
      world.proxy.clearLog();
      await assert.rejects(read(world.object), `${kind} ${afterBytes}`);
      assert.equal(world.proxy.log[0]?.responseBodyBytes, afterBytes);
      assert.deepEqual(await read(world.object), bytes);
    }
  }
});

Deno.test("garbage comes with status 200", async () => {
  await using world = await startWorld();
  const seen: string[] = [];
  for (const content of ["html", "binary", "truncated_xml"] as const) {
    await world.proxy.setFaults({ rules: [{ fault: { kind: "garbage", content } }] });
    const answer = await fetch(`${world.proxy.url}/bkt?list-type=2`);
    assert.equal(answer.status, 200);
    seen.push((await answer.text()).slice(0, 5));
  }
  assert.deepEqual([seen[0], seen[2]], ["<!DOC", "<?xml"]);
});

Deno.test("a stalled request is never answered, and closing ends it", async () => {
  await using world = await startWorld();
  await world.proxy.setFaults({ rules: [{ fault: { kind: "stall" } }] });
  const controller = new AbortController();
  const stalled = fetch(world.object, { signal: controller.signal });
  const other = fetch(`${world.proxy.url}/bkt/key`, { method: "PUT", body: bytes });
  const failed = [
    assert.rejects(stalled, { name: "AbortError" }),
    assert.rejects(other, TypeError),
  ];
  while (world.proxy.requestCount < 2) await statusOf(`${world.direct}/bkt`, { method: "HEAD" });
  controller.abort();
  await world.proxy.close();
  await Promise.all(failed);
  assert.deepEqual(await read(`${world.direct}/bkt/key`), bytes);
});

Deno.test("closing does not wait for a server that never answers", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const proxy = await startFaultProxy(`http://127.0.0.1:${listener.addr.port}`);
  const failed = assert.rejects(fetch(proxy.url), TypeError);
  using _accepted = await listener.accept();
  await proxy.close();
  await failed;
});

Deno.test("an endpoint that is down refuses connections, and comes back on the same port", async () => {
  await using world = await startWorld();
  assert.deepEqual(await read(world.object), bytes);
  await world.proxy.setFaults({ down: true });
  await assert.rejects(fetch(world.object), TypeError);
  await world.proxy.setFaults({});
  assert.deepEqual(await read(world.object), bytes);
});

Deno.test("delay and bandwidth limit slow requests down", async () => {
  await using world = await startWorld();
  const timed = async (work: () => Promise<unknown>) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  await world.proxy.setFaults({ delayMs: 60 });
  const delayed = await timed(() => statusOf(world.object, { method: "HEAD" }));
  assert.ok(delayed >= 58, `${delayed} ms`);
  await world.proxy.setFaults({ bytesPerSecond: 1_000_000 });
  const down = await timed(() => read(world.object));
  assert.ok(down >= 280, `${down} ms for 0.3 s of data`);
  const up = await timed(() => statusOf(world.object, { method: "PUT", body: bytes }));
  assert.ok(up >= 280, `${up} ms for 0.3 s of data`);
});

Deno.test("a silent network ends no connection, and those that were there stay dead", async () => {
  await using world = await startWorld();
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
  const ask = (fetching?: { client: Deno.HttpClient }) => {
    const signal = AbortSignal.timeout(300);
    return fetch(world.object, { method: "HEAD", signal, ...fetching });
  };
  await (await ask({ client })).body?.cancel();
  await world.proxy.setFaults({ silent: true });
  const isTimeout = (error: unknown) =>
    error instanceof DOMException && error.name === "TimeoutError";
  await assert.rejects(ask({ client }), isTimeout);
  await assert.rejects(ask(), isTimeout);
  const before = world.proxy.connectionCount;
  await world.proxy.setFaults({});
  using fresh = Deno.createHttpClient({});
  assert.equal((await ask({ client: fresh })).status, 200);
  assert.equal(world.proxy.connectionCount, before + 1);
});
