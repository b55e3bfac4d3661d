/** For the tests of src/serve_s3: a server on a temporary directory, and a client that adds nothing. */
import { type S3Server, type S3ServerOptions, startS3Server } from "../../src/serve_s3/server.ts";
import { SeededRandom } from "./seeded_random.ts";

export interface TestServer extends AsyncDisposable {
  readonly directory: string;
  /** The running server; another one after `restart`. */
  readonly server: S3Server;
  /** One request; `target` is path and query as they go over the wire, unless fetch normalises them. */
  send(method: string, target: string, options?: SendOptions): Promise<Answer>;
  /** Stops the server and starts one on the same directory. */
  restart(): Promise<void>;
}

export interface SendOptions {
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly bytes: Uint8Array;
  /** The text of the first element of that name in the body. */
  xml(name: string): string | undefined;
  /** The texts of all elements of that name. */
  all(name: string): string[];
}

/** Starts a server with a bucket "bkt", without keys unless `options` has them. */
export async function startTestServer(
  options: Omit<S3ServerOptions, "directory"> = {},
): Promise<TestServer> {
  const directory = await Deno.makeTempDir({ prefix: "serve_s3_" });
  let server = await startS3Server({ directory, ...options });
  const send = async (method: string, target: string, { headers, body }: SendOptions = {}) => {
    const init = { method, ...(headers && { headers }), ...(body !== undefined && { body }) };
    const response = await fetch(server.url + target, init);
    return toAnswer(response.status, response.headers, await response.bytes());
  };
  if (options.accessKeyId === undefined) await send("PUT", "/bkt");
  return {
    directory,
    get server() {
      return server;
    },
    send,
    restart: async () => {
      await server.close();
      server = await startS3Server({ directory, ...options });
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** One request byte by byte, for what fetch would change or refuse. */
export async function sendRaw(
  server: S3Server,
  method: string,
  target: string,
  { headers = {}, body = "" }: SendOptions = {},
): Promise<Answer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = {
    host: `127.0.0.1:${server.port}`,
    connection: "close",
    ...(method === "PUT" || method === "POST" ? { "content-length": String(bytes.length) } : {}),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = new TextEncoder().encode(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const writer = connection.writable.getWriter();
  await writer.write(head);
  await writer.write(bytes);
  writer.releaseLock();
  let received = new Uint8Array(0);
  for await (const chunk of connection.readable) {
    received = new Uint8Array([...received, ...chunk]);
    const answer = parseAnswer(received, method);
    if (answer !== undefined) return answer;
  }
  throw new Error(`Cannot parse the response: ${new TextDecoder().decode(received)}`);
}

/** The answer in `received`, once it is complete; the server need not close the connection after it. */
function parseAnswer(received: Uint8Array<ArrayBuffer>, method: string): Answer | undefined {
  const latin1 = new TextDecoder("latin1").decode(received);
  const match = /^(?:HTTP\/1\.1 100 Continue\r\n\r\n)?HTTP\/1\.1 (\d+)[^\r]*\r\n([^]*?)\r\n\r\n/
    .exec(latin1);
  if (match === null) return undefined;
  const headers = new Headers(
    match[2]!.split("\r\n").map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
  const body = received.subarray(match[0].length);
  const size = method === "HEAD" ? 0 : Number(headers.get("content-length") ?? 0);
  return body.length < size ? undefined : toAnswer(Number(match[1]), headers, body);
}

function toAnswer(status: number, headers: Headers, bytes: Uint8Array): Answer {
  const text = new TextDecoder().decode(bytes);
  const all = (name: string) =>
    [...text.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map((match) =>
      match[1]!.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">")
        .replaceAll("&amp;", "&")
    );
  return { status, headers, text, bytes, all, xml: (name) => all(name)[0] };
}

/** Bytes that a seed determines. */
export function seededBytes(size: number, seed: number): Uint8Array<ArrayBuffer> {
  return new SeededRandom(seed).bytes(size);
}
