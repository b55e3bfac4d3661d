/** An HTTP server that answers with any bytes, also wrong ones, as a test says. */

export interface ScriptedRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** What is written; "hang" keeps the connection open without a word, "close" ends it. */
export type ScriptedReply =
  | string
  | Uint8Array
  | readonly (string | Uint8Array | "hang" | "close")[];

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: ScriptedRequest[];
  /** Connections accepted so far. */
  readonly connections: number;
}

/** `answer` is asked for every request, `index` counts from 0. */
export function startScriptedServer(
  answer: (request: ScriptedRequest, index: number) => ScriptedReply | Promise<ScriptedReply>,
): ScriptedServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: ScriptedRequest[] = [];
  const open = new Set<Deno.Conn>();
  let connections = 0;
  const accepting = (async () => {
    const serving: Promise<void>[] = [];
    for await (const connection of listener) {
      connections++;
      open.add(connection);
      serving.push(
        serve(connection, requests, answer).finally(() => {
          open.delete(connection);
          closeQuietly(connection);
        }),
      );
    }
    await Promise.all(serving);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    requests,
    get connections() {
      return connections;
    },
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of open) closeQuietly(connection);
      await accepting;
    },
  };
}

/** A well-formed answer. */
export function reply(
  status: number,
  body = "",
  headers: Readonly<Record<string, string>> = {},
): string {
  const length = new TextEncoder().encode(body).byteLength;
  const lines = Object.entries({ "Content-Length": String(length), ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `HTTP/1.1 ${status} Answer\r\n${lines}\r\n${body}`;
}

/** An S3 error document. */
export function errorReply(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
  fields = "",
): string {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code>` +
    `<Message>told so</Message>${fields}<RequestId>REQ1</RequestId></Error>`;
  return reply(status, body, { "Content-Type": "application/xml", ...headers });
}

async function serve(
  connection: Deno.Conn,
  requests: ScriptedRequest[],
  answer: (request: ScriptedRequest, index: number) => ScriptedReply | Promise<ScriptedReply>,
): Promise<void> {
  const input = new RequestReader(connection);
  try {
    for (let request = await input.next(); request !== undefined; request = await input.next()) {
      requests.push(request);
      const said = await answer(request, requests.length - 1);
      const steps = typeof said === "string" || said instanceof Uint8Array ? [said] : said;
      for (const step of steps) {
        if (step === "close") return;
        if (step === "hang") await input.untilClosed();
        else await writeAll(connection, step);
      }
    }
  } catch (error) {
    const isGone = error instanceof Deno.errors.BadResource ||
      error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.Interrupted;
    if (!isGone) throw error;
  }
}

class RequestReader {
  readonly #connection: Deno.Conn;
  #buffered = new Uint8Array();

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  async next(): Promise<ScriptedRequest | undefined> {
    let headEnd = -1;
    while ((headEnd = indexOfHeadEnd(this.#buffered)) < 0) {
      if (!await this.#more()) return undefined;
    }
    const head = new TextDecoder().decode(this.#buffered.subarray(0, headEnd));
    const [first, ...lines] = head.split("\r\n");
    const [method = "", target = ""] = first!.split(" ");
    const headers = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }));
    const bodyStart = headEnd + 4;
    const bodyEnd = bodyStart + Number(headers.get("content-length") ?? 0);
    while (this.#buffered.byteLength < bodyEnd) if (!await this.#more()) return undefined;
    const body = this.#buffered.slice(bodyStart, bodyEnd);
    this.#buffered = this.#buffered.slice(bodyEnd);
    return { method, target, headers, body };
  }

  async untilClosed(): Promise<void> {
    while (await this.#more());
  }

  async #more(): Promise<boolean> {
    const piece = new Uint8Array(64 * 1024);
    const size = await this.#connection.read(piece);
    if (size === null) return false;
    const longer = new Uint8Array(this.#buffered.byteLength + size);
    longer.set(this.#buffered);
    longer.set(piece.subarray(0, size), this.#buffered.byteLength);
    this.#buffered = longer;
    return true;
  }
}

function indexOfHeadEnd(bytes: Uint8Array): number {
  for (let i = 0; i + 3 < bytes.byteLength; i++) {
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) {
      return i;
    }
  }
  return -1;
}

async function writeAll(connection: Deno.Conn, data: string | Uint8Array): Promise<void> {
  let rest = typeof data === "string" ? new TextEncoder().encode(data) : data;
  while (rest.byteLength > 0) rest = rest.subarray(await connection.write(rest));
}

function closeQuietly(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
