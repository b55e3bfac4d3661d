/**
 * The line between a mount and the server, as a process of its own: counts S3 requests by kind, delays
 * each, and limits the bandwidth of each connection. `main.ts PORT DELAY_MS BYTES_PER_SECOND` prints
 * its own port; for each line on standard input it prints what it has seen so far; it ends with its
 * standard input.
 *
 * One thread that never waits but in epoll: nothing asynchronous of the runtime is used.
 */
import { kindOnWire, noRequests } from "../request_kinds.ts";
import { Connection, type Line } from "./connection.ts";
import * as sockets from "./sockets.ts";

/** What is printed for each line on standard input. */
export interface LineReport {
  readonly requests: ReturnType<typeof noRequests>;
  readonly connections: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Requests that could not be followed; their connections were closed. */
  readonly errors: readonly string[];
}

const STDIN = 0;
const ERRORS_MAX = 20;

function serve(serverPort: number, delayMs: number, bytesPerSecond: number): void {
  const requests = noRequests();
  const errors: string[] = [];
  let [accepted, bytesUp, bytesDown] = [0, 0, 0];
  const line: Line = {
    delayMs,
    bytesPerSecond,
    onRequest: ({ method, target, header }) => requests[kindOnWire(method, target, header)]++,
  };
  const connections = new Map<number, Connection>();
  const listener = sockets.listen();
  const poller = new sockets.Poller();
  poller.add(listener.fd);
  sockets.setNonblocking(STDIN);
  poller.add(STDIN);
  say({ port: listener.port });

  const acceptAll = (nowMs: number): void => {
    for (;;) {
      const client = sockets.accept(listener.fd);
      if (client === undefined) return;
      accepted++;
      const server = sockets.connect(serverPort);
      if (server === undefined) {
        sockets.close(client);
        continue;
      }
      const connection = new Connection(client, server, line, nowMs);
      connections.set(client, connection).set(server, connection);
      poller.add(client);
      poller.add(server);
    }
  };
  const run = (connection: Connection, nowMs: number): void => {
    const [up, down] = [connection.bytesUp, connection.bytesDown];
    try {
      connection.run(nowMs);
    } catch (error) {
      if (errors.length < ERRORS_MAX) errors.push(error instanceof Error ? error.message : "?");
      connection.close();
    }
    bytesUp += connection.bytesUp - up;
    bytesDown += connection.bytesDown - down;
    if (!connection.isClosed) return;
    connections.delete(connection.client);
    connections.delete(connection.server);
  };
  const answer = (): void => {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = sockets.read(STDIN, buffer);
      if (count === "again") return;
      if (count === "broken" || count === 0) Deno.exit(0);
      const asked = new TextDecoder().decode(buffer.subarray(0, count)).split("\n").length - 1;
      const report: LineReport = { requests, connections: accepted, bytesUp, bytesDown, errors };
      for (let index = 0; index < asked; index++) say(report);
    }
  };

  const ready = new Set<Connection>();
  for (;;) {
    let wakeMs = Infinity;
    for (const { wakeMs: at } of connections.values()) wakeMs = Math.min(wakeMs, at);
    const timeoutMs = wakeMs === Infinity ? -1 : Math.max(0, Math.ceil(wakeMs - performance.now()));
    let hasClients = false;
    poller.wait(timeoutMs, (fd, readable, writable) => {
      if (fd === listener.fd) hasClients = true;
      else if (fd === STDIN) answer();
      const connection = connections.get(fd);
      if (connection === undefined) return;
      connection.notice(fd, readable, writable);
      ready.add(connection);
    });
    const nowMs = performance.now();
    // After the events of this turn: a new connection may have the number of one that was closed.
    for (const connection of connections.values()) {
      if (connection.wakeMs <= nowMs) ready.add(connection);
    }
    for (const connection of ready) run(connection, nowMs);
    ready.clear();
    if (hasClients) acceptAll(nowMs);
  }
}

function say(message: unknown): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
}

if (import.meta.main) {
  const [port = NaN, delayMs = 0, bytesPerSecond = Infinity] = Deno.args.map(Number);
  serve(port, delayMs, bytesPerSecond);
}
