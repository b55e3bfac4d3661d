import assert from "node:assert/strict";
import { type RequestGate, startRequestGate, type Watch } from "./request_gate.ts";

/** Runs `use` with a gate in front of a server that notes the requests whose body came whole. */
async function withGate(use: (gate: RequestGate, served: string[]) => Promise<void>) {
  const served: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      try {
        const size = (await request.bytes()).length;
        served.push(`${request.method} ${pathname}${search} ${size}`);
      } catch {
        served.push(`${request.method} ${pathname}${search} broken`);
      }
      return new Response(`answer to ${pathname}`);
    },
  );
  try {
    await using gate = startRequestGate(`http://127.0.0.1:${server.addr.port}`);
    await use(gate, served);
  } finally {
    await server.shutdown();
  }
}

/** Without connections that are used again: the runtime repeats a request on one that was closed. */
const CLIENT = { poolMaxIdlePerHost: 0 };

async function send(url: string, method: string, body?: Uint8Array<ArrayBuffer>, headers = {}) {
  using client = Deno.createHttpClient(CLIENT);
  const init = { method, headers, client, ...(body === undefined ? {} : { body }) };
  return await (await fetch(url, init)).text();
}

/** As S3 clients do it, over one connection. */
async function sendKept(url: string, client: Deno.HttpClient, body: Uint8Array<ArrayBuffer>) {
  return await (await fetch(url, { method: "PUT", body, client })).text();
}

Deno.test("A gate passes requests on, in any number over one connection", async () => {
  await withGate(async (gate, served) => {
    using client = Deno.createHttpClient({});
    for (let i = 0; i < 3; i++) {
      assert.equal(
        await sendKept(`${gate.url}/k${i}`, client, new Uint8Array(3_000_000)),
        `answer to /k${i}`,
      );
    }
    assert.equal(await send(`${gate.url}/k`, "GET"), "answer to /k");
    assert.deepEqual(served, [
      "PUT /k0 3000000",
      "PUT /k1 3000000",
      "PUT /k2 3000000",
      "GET /k 0",
    ]);
  });
});

const CASES: readonly [
  Watch,
  method: string,
  target: string,
  served: string[],
  headers?: object,
][] = [
  [{ kind: "put", moment: "before", nth: 1 }, "PUT", "/k", []],
  [{ kind: "put", moment: "in_body", nth: 1 }, "PUT", "/k", ["PUT /k broken"]],
  [{ kind: "put", moment: "answered", nth: 1 }, "PUT", "/k", ["PUT /k 1000000"]],
  [{ kind: "part", moment: "answered", nth: 1 }, "PUT", "/k?partNumber=1&uploadId=u", [
    "PUT /k?partNumber=1&uploadId=u 1000000",
  ]],
  [{ kind: "create_upload", moment: "before", nth: 1 }, "POST", "/k?uploads=", []],
  [{ kind: "complete_upload", moment: "before", nth: 1 }, "POST", "/k?uploadId=u", []],
  [{ kind: "delete", moment: "before", nth: 1 }, "POST", "/?delete=", []],
  [{ kind: "delete", moment: "before", nth: 1 }, "DELETE", "/k", []],
  [{ kind: "copy", moment: "before", nth: 1 }, "PUT", "/k", [], { "x-amz-copy-source": "b/k" }],
];

for (const [watch, method, target, expected, headers = {}] of CASES) {
  Deno.test(`A gate calls back ${watch.moment} ${watch.kind} (${method} ${target})`, async () => {
    await withGate(async (gate, served) => {
      let hits = 0;
      gate.watch(watch, () => hits++);
      await send(`${gate.url}/other`, "GET");
      const body = method === "DELETE" ? undefined : new Uint8Array(1_000_000);
      await assert.rejects(send(gate.url + target, method, body, headers));
      assert.equal(hits, 1);
      // The server may still be at it.
      for (let i = 0; i < 100 && served.length <= expected.length; i++) {
        if (served.length - 1 === expected.length) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.deepEqual(served, ["GET /other 0", ...expected]);
      assert.equal(
        await send(gate.url + target, method, body, headers),
        `answer to ${target.split("?")[0]}`,
      );
      assert.equal(hits, 1);
    });
  });
}

Deno.test("A gate counts only what it watches for", async () => {
  await withGate(async (gate) => {
    let hits = 0;
    gate.watch({ kind: "put", moment: "before", nth: 2 }, () => hits++);
    await send(`${gate.url}/a`, "PUT", new Uint8Array(1));
    await send(`${gate.url}/a`, "DELETE");
    assert.equal(hits, 0);
    await assert.rejects(send(`${gate.url}/b`, "PUT", new Uint8Array(1)));
    assert.equal(hits, 1);
  });
});
