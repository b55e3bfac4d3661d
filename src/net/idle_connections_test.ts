import assert from "node:assert/strict";
import { FakeClock, settle } from "../../tests/support/fake_clock.ts";
import { Http1Connection } from "./http1_connection.ts";
import { IdleConnections } from "./idle_connections.ts";

const ORIGIN = "http://a";

/** Connections to a listener of their own, with the server's ends. */
async function connect(count: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const ends: Deno.Conn[] = [];
  const connections: Http1Connection[] = [];
  for (let i = 0; i < count; i++) {
    const { port } = listener.addr;
    const [end, socket] = await Promise.all([
      listener.accept(),
      Deno.connect({ hostname: "127.0.0.1", port }),
    ]);
    ends.push(end);
    connections.push(new Http1Connection(socket));
  }
  listener.close();
  return { ends, connections };
}

/** Resolves when the client has closed. */
async function untilClosed(end: Deno.Conn): Promise<void> {
  assert.equal(await end.read(new Uint8Array(10)), null);
  end.close();
}

Deno.test("IdleConnections gives the one that was used last, for its origin only", async () => {
  const { ends, connections: [a, b] } = await connect(2);
  const idle = new IdleConnections(new FakeClock(), 8);
  idle.put(ORIGIN, a!);
  idle.put(ORIGIN, b!);
  assert.equal(idle.take("http://b"), undefined);
  assert.equal(idle.take(ORIGIN), b);
  assert.equal(idle.take(ORIGIN), a);
  assert.equal(idle.take(ORIGIN), undefined);
  for (const connection of [a!, b!]) connection.close();
  for (const end of ends) await untilClosed(end);
});

Deno.test("IdleConnections closes those that are old, too many or dropped", async () => {
  const clock = new FakeClock();
  const { ends, connections } = await connect(5);
  const idle = new IdleConnections(clock, 2);
  for (const connection of connections.slice(0, 3)) idle.put(ORIGIN, connection);
  await untilClosed(ends[0]!);
  await clock.advance(60_001);
  assert.equal(idle.take(ORIGIN), undefined);
  await untilClosed(ends[1]!);
  await untilClosed(ends[2]!);
  for (const connection of connections.slice(3)) idle.put(ORIGIN, connection);
  idle.clear();
  await untilClosed(ends[3]!);
  await untilClosed(ends[4]!);
  assert.equal(idle.take(ORIGIN), undefined);
});

Deno.test("IdleConnections forgets a connection that the server ends or talks on", async () => {
  const { ends, connections } = await connect(3);
  const idle = new IdleConnections(new FakeClock(), 8);
  for (const connection of connections) idle.put(ORIGIN, connection);
  ends[2]!.close();
  await ends[1]!.write(new TextEncoder().encode("HTTP/1.1 408 Timeout\r\n\r\n"));
  await untilClosed(ends[1]!); // ours closes as soon as it has heard that
  await settle();
  assert.equal(idle.take(ORIGIN), connections[0]);
  connections[0]!.close();
  await untilClosed(ends[0]!);
});
