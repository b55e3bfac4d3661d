import assert from "node:assert/strict";
import { postReport } from "./post_report.ts";

Deno.test("A report is posted with its headers, and the answer's status and headers are told", async () => {
  let got = "";
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      got = `${request.method} ${request.headers.get("x-a")} ${await request.text()}`;
      return new Response("no", { status: 429, headers: { "Retry-After": "7" } });
    },
  );
  const answer = await postReport(`http://127.0.0.1:${server.addr.port}/`, { "x-a": "1" }, "hello");
  assert.equal(got, "POST 1 hello");
  assert.deepEqual([answer.status, answer.header("retry-after")], [429, "7"]);
  await server.shutdown();
});
