import assert from "node:assert/strict";
import { startScriptedServer } from "../../tests/support/scripted_server.ts";
import { type SeededRandom, withSeed } from "../../tests/support/seeded_random.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { Alarms } from "../base/alarms.ts";
import { giveWay } from "../base/clock.ts";
import { Http1Body } from "./http1_body.ts";
import { Http1Connection, type Socket } from "./http1_connection.ts";
import { Http1Exchange } from "./http1_exchange.ts";
import { framingOf } from "./http1_head.ts";
import { HttpError } from "./http_error.ts";
import type { HttpBody } from "./http_exchange.ts";
import { HttpPool } from "./http_pool.ts";

/** Runs `read` on the body of an answer that is written piece by piece. */
async function withAnswer(
  pieces: readonly (string | Uint8Array | "close")[],
  read: (body: HttpBody, pool: HttpPool) => Promise<void>,
): Promise<void> {
  await using server = startScriptedServer(() => pieces);
  const pool = new HttpPool({ maxConnections: 1 });
  const response = await pool.share().send({
    method: "GET",
    url: server.url,
    headers: {},
    firstByteTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    signal: new AbortController().signal,
  });
  await read(response.body, pool);
  assert.equal(pool.inUse, 0);
  pool.close();
}

/** `data` in chunks of any size, as the bytes of a body. */
function chunked(data: Uint8Array, random: SeededRandom): string {
  let body = "";
  for (let at = 0; at < data.byteLength;) {
    const size = Math.min(data.byteLength - at, 1 + random.below(5_000));
    const chunk = String.fromCharCode(...data.subarray(at, at + size));
    body += `${size.toString(16)}${random.below(2) ? "" : ";a=b"}\r\n${chunk}\r\n`;
    at += size;
  }
  return `${body}0\r\n${random.below(2) ? "" : "Trailer: x\r\n"}\r\n`;
}

/** `text` in pieces of any size. */
function* cut(text: string, random: SeededRandom): Generator<Uint8Array> {
  for (let at = 0; at < text.length;) {
    const size = 1 + random.below(random.below(2) ? 10 : 4_000);
    yield Uint8Array.from(text.slice(at, at + size), (char) => char.charCodeAt(0));
    at += size;
  }
}

/** Reads in steps of any size, into whole buffers and parts of some. */
async function readAnyhow(body: HttpBody, random: SeededRandom): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const buffer = new Uint8Array(1 + random.below(9_000));
    const target = random.below(2) ? buffer : buffer.subarray(random.below(buffer.byteLength));
    const filled = await body.read(target);
    parts.push(filled);
    if (filled.byteLength < target.byteLength) break;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

Deno.test("a body is the same however it is framed, cut and read", async () => {
  await withSeed(async (random) => {
    for (let round = 0; round < 12; round++) {
      const data = random.bytes(random.below(30_000));
      const raw = String.fromCharCode(...data);
      const answers = [
        `HTTP/1.1 200 OK\r\nContent-Length: ${data.byteLength}\r\n\r\n${raw}`,
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked(data, random)}`,
        `HTTP/1.1 200 OK\r\n\r\n${raw}`,
      ];
      for (const answer of answers) {
        await withAnswer([...cut(answer, random), "close"], async (body) => {
          assert.deepEqual(await readAnyhow(body, random), data);
          assert.equal(body.received, data.byteLength);
          assert.equal((await body.read(new Uint8Array(10))).byteLength, 0);
        });
      }
    }
  });
});

Deno.test("a body that is cut off or chunked wrongly is an error, again and again", async () => {
  const answers: readonly (readonly [kind: string, answer: string])[] = [
    ["broken", "Content-Length: 10\r\n\r\n12345"],
    ["broken", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"],
    ["broken", "Transfer-Encoding: chunked\r\n\r\n5\r\n123"],
    ["broken", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n"],
    ["protocol", "Transfer-Encoding: chunked\r\n\r\n3\r\n12345\r\n0\r\n\r\n"],
    ["protocol", "Transfer-Encoding: chunked\r\n\r\nsize\r\n12345\r\n0\r\n\r\n"],
    ["protocol", `Transfer-Encoding: chunked\r\n\r\n5;${"x".repeat(100_000)}`],
  ];
  for (const [kind, answer] of answers) {
    await withAnswer([`HTTP/1.1 200 OK\r\n${answer}`, "close"], async (body) => {
      for (let i = 0; i < 2; i++) {
        await assert.rejects(
          body.read(new Uint8Array(1000)),
          (error) => error instanceof HttpError && error.kind === kind,
        );
      }
    });
  }
});

Deno.test("a body is read into the caller's memory, and refused when too long", async () => {
  const answer = `HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n${"x".repeat(50_000)}`;
  await withAnswer([answer], async (body) => {
    const target = new Uint8Array(50_000);
    const filled = await body.read(target);
    assert.equal(filled.buffer, target.buffer);
    assert.equal(filled.byteLength, 50_000);
  });
  await withAnswer([answer], async (body) => {
    await assert.rejects(body.readAll(100), /longer than 100 bytes/);
  });
  await withAnswer([answer], async (body) => {
    assert.equal((await body.readAll(50_000)).byteLength, 50_000);
  });
});

/** A socket that is always ready, as over a fast network. */
function readySocket(answer: string): Socket {
  let head: Uint8Array | undefined = new TextEncoder().encode(answer);
  return {
    read: (target) => {
      const size = Math.min(target.byteLength, head?.byteLength ?? 64 * 1024);
      if (head !== undefined) target.set(head);
      head = undefined;
      return Promise.resolve(size);
    },
    write: ({ byteLength }) => Promise.resolve(byteLength),
    close: () => {},
  };
}

Deno.test("a body lets other work go on while its data are ready at once", async () => {
  const bytes = 2 ** 24;
  const { signal } = new AbortController();
  const request = {
    method: "GET",
    url: "http://a/",
    headers: {},
    firstByteTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    signal,
  };
  const alarms = new Alarms(new FakeClock());
  const terms = { download: undefined, upload: undefined, onEnd: () => {} };
  const ends = { onReusable: () => {}, onAbandoned: () => {}, onOver: () => {} };
  const exchange = new Http1Exchange(request, terms, alarms.alarm(), ends);
  exchange.use(
    new Http1Connection(readySocket(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`)),
  );
  let turns = 0;
  let isDone = false;
  const counting = (async () => {
    for (; !isDone; turns++) await giveWay();
  })();
  const answer = await exchange.ask(new Uint8Array(10), false);
  await new Http1Body(exchange, framingOf("GET", answer)).readAll(bytes);
  isDone = true;
  await counting;
  assert.ok(turns >= bytes / (256 * 1024), `${turns} turns`);
});
