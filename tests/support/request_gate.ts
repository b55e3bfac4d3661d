/**
 * A proxy on loopback that passes HTTP on unchanged until a chosen request comes to a chosen moment:
 * then it calls back and breaks that connection. For ending a client at points that it does not know.
 */
import { type Head, MessageReader, requestFraming, responseFraming } from "./_http_wire.ts";

/** A kind of S3 request. */
export type RequestKind =
  | "put"
  | "copy"
  | "delete"
  | "create_upload"
  | "part"
  | "complete_upload"
  | "other";

/** Before the server sees it; with half of its body sent; when the answer is here but not passed on. */
export type RequestMoment = "before" | "in_body" | "answered";

export interface Watch {
  readonly kind: RequestKind;
  readonly moment: RequestMoment;
  /** Counted from 1 since the watch began. */
  readonly nth: number;
}

export interface RequestGate extends AsyncDisposable {
  /** Endpoint for clients, without a trailing slash. */
  readonly url: string;
  /** Calls `hit` once, synchronously, when it happens. Replaces the watch before. */
  watch(watch: Watch, hit: () => void): void;
  unwatch(): void;
}

const READ_BYTES = 256 * 1024;

/** Starts a gate in front of `targetUrl`, an http: URL. The Host header passes unchanged. */
export function startRequestGate(targetUrl: string): RequestGate {
  return new Gate(new URL(targetUrl));
}

/** What kind of request a head begins. */
function kindOf(head: Head): RequestKind {
  const [method, target] = head.firstLine;
  const query = new URLSearchParams(target.split("?")[1] ?? "");
  switch (method) {
    case "PUT":
      if (query.has("partNumber")) return "part";
      return head.header("x-amz-copy-source") === undefined ? "put" : "copy";
    case "POST":
      if (query.has("uploads")) return "create_upload";
      if (query.has("uploadId")) return "complete_upload";
      return query.has("delete") ? "delete" : "other";
    case "DELETE":
      return query.has("uploadId") ? "other" : "delete";
    default:
      return "other";
  }
}

class Gate implements RequestGate {
  readonly #target: URL;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.TcpConn>();
  readonly #running = new Set<Promise<void>>();
  #watch: { readonly watch: Watch; readonly hit: () => void; seen: number } | undefined;

  constructor(target: URL) {
    this.#target = target;
    this.#running.add(this.#listen());
  }

  get url(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  watch(watch: Watch, hit: () => void): void {
    this.#watch = { watch, hit, seen: 0 };
  }

  unwatch(): void {
    this.#watch = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#open) close(connection);
    await Promise.all(this.#running);
  }

  async #listen(): Promise<void> {
    for await (const client of this.#listener) {
      const connection = this.#serve(client).catch(() => {
        // Either side broke off, or the gate did: both connections are closed.
      }).finally(() => {
        this.#running.delete(connection);
      });
      this.#running.add(connection);
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#open.add(client);
    let server: Deno.TcpConn | undefined;
    try {
      server = await Deno.connect({
        hostname: this.#target.hostname,
        port: Number(this.#target.port || 80),
      });
      this.#open.add(server);
      const requests = reader(client);
      const responses = reader(server);
      while (await this.#pass(client, requests, server, responses));
    } finally {
      for (const connection of server === undefined ? [client] : [client, server]) {
        this.#open.delete(connection);
        close(connection);
      }
    }
  }

  /** One request and its answer; false at the end of the connection. */
  async #pass(
    client: Deno.TcpConn,
    requests: MessageReader,
    server: Deno.TcpConn,
    responses: MessageReader,
  ): Promise<boolean> {
    const head = await requests.readHead();
    if (head === undefined) return false;
    const hit = this.#meets(kindOf(head));
    if (hit?.moment === "before") hit.happen();
    await writeAll(server, head.bytes);
    const sending = this.#sendBody(head, requests, server, hit);
    // Reported below; without this an early end of the response would leave it unhandled.
    sending.catch(() => {
      // A client that ended must not get the server to wait for the rest.
      close(server);
    });
    let response = await responses.readHead();
    while (response !== undefined && response.firstLine[1].startsWith("1")) {
      await writeAll(client, response.bytes);
      response = await responses.readHead();
    }
    if (response === undefined) throw new Error("The server closed the connection");
    if (hit?.moment === "answered") hit.happen();
    await writeAll(client, response.bytes);
    const framing = responseFraming(response, head.firstLine[0]);
    for await (const piece of responses.body(framing)) await writeAll(client, piece);
    await sending;
    return framing.size !== Infinity || framing.chunked;
  }

  async #sendBody(
    head: Head,
    requests: MessageReader,
    server: Deno.TcpConn,
    hit: Hit | undefined,
  ): Promise<void> {
    const framing = requestFraming(head);
    let left = hit?.moment === "in_body" ? Math.ceil(framing.size / 2) : Infinity;
    for await (const piece of requests.body(framing)) {
      await writeAll(server, piece.subarray(0, left));
      left -= piece.length;
      if (left <= 0) hit?.happen();
    }
    // A body too short, or of unknown length, to be cut: its end is in it, too.
    if (hit?.moment === "in_body") hit.happen();
  }

  /** Counts the request; tells what to do when it is the one that is watched for. */
  #meets(kind: RequestKind): Hit | undefined {
    const current = this.#watch;
    if (current?.watch.kind !== kind || ++current.seen !== current.watch.nth) return undefined;
    return {
      moment: current.watch.moment,
      happen: (): never => {
        if (this.#watch === current) this.#watch = undefined;
        current.hit();
        throw new Error("The watched moment");
      },
    };
  }
}

interface Hit {
  readonly moment: RequestMoment;
  readonly happen: () => never;
}

function reader(connection: Deno.TcpConn): MessageReader {
  return new MessageReader(async () => {
    const buffer = new Uint8Array(READ_BYTES);
    const size = await connection.read(buffer);
    return size === null ? undefined : buffer.subarray(0, size);
  });
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}
