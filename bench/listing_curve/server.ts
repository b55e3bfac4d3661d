/**
 * An S3 server, as a process of its own, with nothing but directories of computed names:
 * `server.ts PORT COUNT...`. Signatures are not looked at.
 */
import { listPage } from "./names.ts";

const [port = 0, ...counts] = Deno.args.map(Number);

Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, ({ method, url }) => {
  const { searchParams } = new URL(url);
  if (method !== "GET" || searchParams.get("list-type") !== "2") {
    return new Response(null, { status: 404 });
  }
  const headers = { "content-type": "application/xml" };
  return new Response(listPage(searchParams, counts), { headers });
});
