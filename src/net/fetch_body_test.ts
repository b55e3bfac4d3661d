import assert from "node:assert/strict";
import { reply, startScriptedServer } from "../../tests/support/scripted_server.ts";
import type { HttpResponse } from "./http_exchange.ts";
import { HttpPool } from "./http_pool.ts";

function get(pool: HttpPool, url: string): Promise<HttpResponse> {
  return pool.share().send({
    method: "GET",
    url,
    headers: {},
    firstByteTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    signal: new AbortController().signal,
  });
}

Deno.test("FetchBody refuses to read more than allowed", async () => {
  await using server = startScriptedServer(() => reply(200, "x".repeat(5000)));
  const pool = new HttpPool({ maxConnections: 1, isProxied: true });
  const response = await get(pool, server.url);
  await assert.rejects(response.body.readAll(100), /longer than 100 bytes/);
  assert.equal(pool.inUse, 0);
  pool.close();
});

Deno.test("FetchBody reads a body of unknown length to its end", async () => {
  const chunk = "x".repeat(30_000);
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
    `7530\r\n${chunk}\r\n`.repeat(5) + "0\r\n\r\n";
  await using server = startScriptedServer(() => chunked);
  const pool = new HttpPool({ maxConnections: 1, isProxied: true });
  const whole = await (await get(pool, server.url)).body.readAll(1_000_000);
  assert.equal(whole.byteLength, 150_000);
  const { body } = await get(pool, server.url);
  const first = await body.read(new Uint8Array(100_000));
  const rest = await body.read(new Uint8Array(100_000));
  assert.equal(first.byteLength + rest.byteLength, 150_000);
  assert.equal(body.received, 150_000);
  assert.equal((await body.read(new Uint8Array(10))).byteLength, 0);
  assert.equal(pool.inUse, 0);
  pool.close();
});

Deno.test("FetchBody copies into a part of a buffer and leaves the rest alone", async () => {
  await using server = startScriptedServer(() => reply(200, "0123456789"));
  const pool = new HttpPool({ maxConnections: 1, isProxied: true });
  const { body } = await get(pool, server.url);
  const buffer = new Uint8Array(20).fill(255);
  const filled = await body.read(buffer.subarray(5, 15));
  assert.equal(filled.buffer, buffer.buffer);
  assert.equal(new TextDecoder().decode(buffer.subarray(5, 15)), "0123456789");
  assert.deepEqual([...buffer.subarray(0, 5), ...buffer.subarray(15)], Array(10).fill(255));
  pool.close();
});
