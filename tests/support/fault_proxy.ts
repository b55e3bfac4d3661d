/**
 * An HTTP-aware proxy on loopback that misbehaves on demand, in front of any S3 server. Bytes pass
 * unchanged, the Host header too, so signatures made for the proxy's address hold at a server that
 * checks them against the Host it receives.
 *
 * One server connection per client connection. A fault acts on one request and, where it breaks the
 * connection, on nothing else.
 */
import { createServer, type Server, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { untilAborted } from "../../src/base/until_aborted.ts";
import { Pace } from "./_pace.ts";
import { SeededRandom } from "./seeded_random.ts";
import { ERRORS, GARBAGE } from "./_fault_answers.ts";
import { type Head, MessageReader, requestFraming, responseFraming } from "./_http_wire.ts";

/** What can go wrong with one request. */
export type Fault =
  /** Answered here, as XML: 503 SlowDown, 500 InternalError, 400 ExpiredToken; the server sees nothing. */
  | { readonly kind: "slow_down" | "internal_error" | "expired_token" }
  /** 200 with a body that is not what S3 says; the server never sees the request. */
  | { readonly kind: "garbage"; readonly content: "html" | "binary" | "truncated_xml" }
  /** The connection is reset before the server sees the request. */
  | { readonly kind: "reset_before" }
  /** The connection is reset after so many bytes of the response's body. */
  | { readonly kind: "reset_in_body"; readonly afterBytes: number }
  /** The connection is closed in order after so many bytes, though Content-Length promised more. */
  | { readonly kind: "truncated_body"; readonly afterBytes: number }
  /** The server does what it was asked to, but the connection is reset instead of its answer. */
  | { readonly kind: "lost_response" }
  /** Accepted and never answered, until the client or the proxy closes. */
  | { readonly kind: "stall" };

/** When a fault happens. */
export interface FaultRule {
  readonly fault: Fault;
  readonly method?: string; // default: any
  /** Tested against path and query as they are on the wire. Default: any. */
  readonly path?: RegExp;
  readonly times?: number; // then never again; default: without end
  /** 0 to 1, by the seed of the proxy. Default: 1. */
  readonly probability?: number;
}

export interface Faults {
  /** Added before every request is looked at. */
  readonly delayMs?: number;
  /** For each connection and direction. */
  readonly bytesPerSecond?: number;
  /** The endpoint is down: connections are broken and new ones refused. */
  readonly down?: boolean;
  /**
   * No packet passes, and no connection ends: those that there are, and those made meanwhile, stay dead
   * when the fault is over, as after a suspend.
   */
  readonly silent?: boolean;
  /** The first one that applies to a request is used. */
  readonly rules?: readonly FaultRule[];
}

export interface LoggedRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  fault?: Fault["kind"];
  /** Absent while there is no answer. */
  status?: number;
  requestBodyBytes: number;
  responseBodyBytes: number;
}

export interface FaultProxy {
  /** Endpoint for clients, without a trailing slash. */
  readonly url: string;
  /** The latest requests, oldest first; cleared by `clearLog`. */
  readonly log: readonly LoggedRequest[];
  /** Requests since the start or `clearLog`, also those that the log has dropped. */
  readonly requestCount: number;
  /** Connections accepted since the start. */
  readonly connectionCount: number;
  /** Replaces all faults; resolves when the port is open or closed as they say. */
  setFaults(faults: Faults): Promise<void>;
  clearLog(): void;
  /** Stops listening and breaks all connections. */
  close(): Promise<void>;
}

const LOG_REQUESTS_MAX = 10_000;
const READ_BYTES = 256 * 1024;

/** Starts a proxy for `targetUrl`, an http: URL, without faults; equal seeds make equal choices. */
export async function startFaultProxy(
  targetUrl: string,
  options: { readonly seed?: number } = {},
): Promise<FaultProxy> {
  const proxy = new Proxy(new URL(targetUrl), options.seed ?? 1);
  await proxy.listen();
  return proxy;
}

class Proxy implements FaultProxy {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  /** Each with the promise of its end. */
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #random: SeededRandom;
  #port = 0;
  #server: Server | undefined;
  #faults: Faults = {};
  /** How often each rule has been used. */
  #used = new Map<FaultRule, number>();
  log: LoggedRequest[] = [];
  requestCount = 0;
  connectionCount = 0;

  constructor(target: URL, seed: number) {
    this.#target = target;
    this.#random = new SeededRandom(seed);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get faults(): Faults {
    return this.#faults;
  }

  async setFaults(faults: Faults): Promise<void> {
    this.#faults = faults;
    this.#used = new Map();
    if (faults.silent === true) { for (const [it] of this.#connections) it.isLost = true; }
    if (faults.down === true) await this.close();
    else await this.listen();
  }

  clearLog(): void {
    this.log = [];
    this.requestCount = 0;
  }

  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    // Its callback is not waited for: the port is closed now, and Deno 2.6 may never call it.
    server?.close();
    for (const socket of this.#sockets) reset(socket);
    await Promise.all(this.#connections.values());
  }

  /** Notes a request and picks its fault. */
  register(method: string, path: string): { entry: LoggedRequest; fault: Fault | undefined } {
    const rule = (this.#faults.rules ?? []).find((rule) => this.#applies(rule, method, path));
    if (rule !== undefined) this.#used.set(rule, (this.#used.get(rule) ?? 0) + 1);
    const entry: LoggedRequest = { method, path, requestBodyBytes: 0, responseBodyBytes: 0 };
    if (rule !== undefined) entry.fault = rule.fault.kind;
    this.requestCount++;
    this.log.push(entry);
    if (this.log.length > LOG_REQUESTS_MAX) this.log.shift();
    return { entry, fault: rule?.fault };
  }

  #applies(rule: FaultRule, method: string, path: string): boolean {
    if (rule.method !== undefined && rule.method !== method) return false;
    if (rule.path !== undefined && !rule.path.test(path)) return false;
    if ((this.#used.get(rule) ?? 0) >= (rule.times ?? Infinity)) return false;
    return rule.probability === undefined || this.#random.next() < rule.probability;
  }

  #accept(socket: Socket): void {
    this.connectionCount++;
    this.#sockets.add(socket);
    const connection = new Connection(this, socket, this.#target);
    connection.isLost = this.#faults.silent === true;
    const ended = connection.run().finally(() => {
      this.#sockets.delete(socket);
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, ended);
  }
}

/** One client connection with its server connection. */
class Connection {
  readonly #proxy: Proxy;
  readonly #client: Socket;
  readonly #target: URL;
  readonly #closed = new AbortController();
  readonly #requests: MessageReader;
  /** Its packets go nowhere. */
  isLost = false;
  #server: { readonly connection: Deno.TcpConn; readonly responses: MessageReader } | undefined;

  constructor(proxy: Proxy, client: Socket, target: URL) {
    this.#proxy = proxy;
    this.#client = client;
    this.#target = target;
    client.setNoDelay(true);
    client.on("error", () => this.#end());
    client.on("close", () => this.#end());
    const chunks: AsyncIterator<Uint8Array> = client[Symbol.asyncIterator]();
    this.#requests = new MessageReader(async () => {
      await this.#unlessLost();
      const next = await chunks.next();
      await this.#unlessLost();
      return next.done === true ? undefined : next.value;
    });
  }

  /** Serves requests until either side closes or a fault breaks the connection. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#serveOne());
      this.#client.end();
    } catch {
      // Either side broke off, or a fault did: the other one sees a broken connection too.
      reset(this.#client);
    } finally {
      this.#end();
      this.#client.destroy();
    }
  }

  /** Ends every wait for either side. */
  #end(): void {
    this.#closed.abort();
    this.#server?.connection.close();
    this.#server = undefined;
  }

  async #unlessLost(): Promise<void> {
    const { signal } = this.#closed;
    if (this.isLost) await untilAborted(new Promise<never>(() => {}), signal);
  }

  /** False when the connection is at its end. */
  async #serveOne(): Promise<boolean> {
    const head = await this.#requests.readHead();
    if (head === undefined) return false;
    const [method, path] = head.firstLine;
    const { entry, fault } = this.#proxy.register(method, path);
    const { delayMs = 0 } = this.#proxy.faults;
    if (delayMs > 0) await systemClock.sleep(delayMs, this.#closed.signal);
    switch (fault?.kind) {
      case "reset_before":
        throw new Error("Reset by fault");
      case "stall":
        return await this.#stall();
      case "slow_down":
      case "internal_error":
      case "expired_token": {
        const [status, reason, body] = ERRORS[fault.kind];
        return await this.#answer(head, entry, `${status} ${reason}`, "application/xml", body);
      }
      case "garbage": {
        const [type, body] = GARBAGE[fault.content];
        return await this.#answer(head, entry, "200 OK", type, body);
      }
      default:
        return await this.#forward(head, entry, fault);
    }
  }

  async #stall(): Promise<never> {
    // Reading on is how the end of the connection is noticed.
    while (await this.#requests.read() !== undefined);
    throw new Error("Stalled by fault");
  }

  async #answer(
    head: Head,
    entry: LoggedRequest,
    status: string,
    type: string,
    body: Uint8Array | string,
  ): Promise<boolean> {
    // A client that waits for "100 Continue" gets its answer instead, and a closed connection.
    const waiting = head.header("expect") !== undefined;
    if (!waiting) {
      for await (const piece of this.#requests.body(requestFraming(head))) {
        entry.requestBodyBytes += piece.length;
      }
    }
    entry.status = parseInt(status);
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    const connection = waiting ? "Connection: close\r\n" : "";
    await this.#toClient(new TextEncoder().encode(
      `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\n${connection}` +
        `Content-Length: ${bytes.length}\r\nx-amz-request-id: FAULTPROXY\r\n\r\n`,
    ));
    if (head.firstLine[0] !== "HEAD") await this.#toClient(bytes);
    return !waiting;
  }

  async #forward(head: Head, entry: LoggedRequest, fault: Fault | undefined): Promise<boolean> {
    const { connection, responses } = this.#server ??= await this.#connect();
    await writeAll(connection, head.bytes);
    let sent = false;
    const sending = this.#sendBody(head, entry, connection).then(() => {
      sent = true;
    });
    // Reported below; without this an early answer would leave it unhandled.
    sending.catch(() => {});
    const keptOpen = await this.#relay(head, entry, fault, responses);
    // The server answered before it had read everything: neither side can go on.
    if (!sent) throw new Error("Answered early");
    await sending;
    return keptOpen;
  }

  async #connect(): Promise<{ connection: Deno.TcpConn; responses: MessageReader }> {
    const { hostname, port } = this.#target;
    const connection = await Deno.connect({ hostname, port: Number(port || 80) });
    if (this.#closed.signal.aborted) {
      connection.close();
      throw new Error("Cannot forward: the client closed");
    }
    connection.setNoDelay(true);
    const responses = new MessageReader(async () => {
      const buffer = new Uint8Array(READ_BYTES);
      const size = await connection.read(buffer);
      return size === null ? undefined : buffer.subarray(0, size);
    });
    return { connection, responses };
  }

  async #sendBody(head: Head, entry: LoggedRequest, connection: Deno.TcpConn): Promise<void> {
    const pace = new Pace(() => this.#proxy.faults.bytesPerSecond, this.#closed.signal);
    for await (const piece of this.#requests.body(requestFraming(head))) {
      entry.requestBodyBytes += piece.length;
      for await (const slice of pace.slices(piece)) await writeAll(connection, slice);
    }
  }

  /** Passes the response on, as far as the fault lets it. */
  async #relay(
    request: Head,
    entry: LoggedRequest,
    fault: Fault | undefined,
    responses: MessageReader,
  ): Promise<boolean> {
    let head = await responses.readHead();
    while (head !== undefined && head.firstLine[1].startsWith("1")) {
      await this.#toClient(head.bytes);
      head = await responses.readHead();
    }
    if (head === undefined) throw new Error("Cannot forward: the server closed the connection");
    entry.status = Number(head.firstLine[1]);
    const lost = fault?.kind === "lost_response";
    const breaks = fault?.kind === "reset_in_body" || fault?.kind === "truncated_body";
    let left = breaks ? fault.afterBytes : Infinity;
    if (!lost) await this.#toClient(head.bytes);
    const framing = responseFraming(head, request.firstLine[0]);
    const pace = new Pace(() => this.#proxy.faults.bytesPerSecond, this.#closed.signal);
    for await (const piece of responses.body(framing)) {
      if (lost) continue;
      const passed = piece.subarray(0, left);
      for await (const slice of pace.slices(passed)) {
        await this.#toClient(slice);
        entry.responseBodyBytes += slice.length;
      }
      left -= passed.length;
      if (left > 0) continue;
      if (fault?.kind === "truncated_body") return false;
      break;
    }
    if (lost || left === 0) throw new Error("Broken by fault");
    return framing.size !== Infinity || framing.chunked;
  }

  async #toClient(bytes: Uint8Array): Promise<void> {
    await this.#unlessLost();
    if (this.#closed.signal.aborted) throw new Error("Cannot answer: the client closed");
    await new Promise<void>((resolve, reject) => {
      this.#client.write(bytes, (error) => error ? reject(error) : resolve());
    });
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Deno 2.6 cannot reset; there the client sees the connection end instead. */
function reset(socket: Socket): void {
  if (typeof socket.resetAndDestroy === "function") socket.resetAndDestroy();
  else socket.destroy();
}
