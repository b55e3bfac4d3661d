import assert from "node:assert/strict";
import { FakeBackend, fakeConfig, fakeMountConfig } from "../../tests/daemon/fake_backend.ts";
import { DatagramInbox } from "../../tests/support/datagram_inbox.ts";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { findServiceManager, ServiceManager } from "./service_manager.ts";
import { Supervisor } from "./supervisor.ts";

function fakeSupervisor(): { supervisor: Supervisor; backend: FakeBackend } {
  const backend = new FakeBackend();
  const config = fakeConfig([fakeMountConfig("photos"), fakeMountConfig("music")]);
  return { supervisor: new Supervisor(config, backend, "1"), backend };
}

/** A manager's end that keeps what it was sent. */
class Sent {
  readonly messages: string[] = [];
  refuses = false;

  readonly send = (_: string, text: string): void => {
    if (this.refuses) throw new Error("its queue is full");
    this.messages.push(text);
  };

  /** What came since the last call. */
  take(): string[] {
    return this.messages.splice(0);
  }
}

Deno.test("The manager is found by the variables that it sets", () => {
  const find = (variables: Record<string, string>) =>
    findServiceManager((name) => variables[name], 42);
  assert.equal(find({}), undefined);
  assert.equal(find({ NOTIFY_SOCKET: "vsock:2:1" }), undefined);
  assert.deepEqual(find({ NOTIFY_SOCKET: "/run/x" }), { socket: "/run/x" });
  const watched = { NOTIFY_SOCKET: "@x", WATCHDOG_USEC: "60000000" };
  assert.deepEqual(find(watched), { socket: "@x", watchdogMs: 60_000 });
  assert.deepEqual(find({ ...watched, WATCHDOG_PID: "42" }), { socket: "@x", watchdogMs: 60_000 });
  assert.deepEqual(find({ ...watched, WATCHDOG_PID: "41" }), { socket: "@x" });
  assert.deepEqual(find({ ...watched, WATCHDOG_USEC: "0" }), { socket: "@x" });
});

Deno.test("The manager hears on its socket that the mounts are there and how they are", async () => {
  const { supervisor, backend } = fakeSupervisor();
  backend.starts.set("music", new Error("no such bucket"));
  const socket = `@cloudmount-test-${crypto.randomUUID()}`;
  using inbox = new DatagramInbox(socket);
  const manager = new ServiceManager({ socket, watchdogMs: 60_000 });
  manager.watch(supervisor);
  assert.equal(await inbox.next(), "STATUS=0 mounts up, nothing waiting\nWATCHDOG=1");
  await supervisor.startAll();
  manager.ready();
  const up = "1 of 2 mounts up, nothing waiting; music is failed: no such bucket";
  assert.equal(await inbox.next(), `READY=1\nSTATUS=${up}\nWATCHDOG=1`);
  manager.stopping();
  assert.equal(
    await inbox.next(),
    `STOPPING=1\nSTATUS=Stopping: ${up}\nEXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1`,
  );
  await manager.close();
});

Deno.test("The manager hears every few seconds, and only what is new", async () => {
  const { supervisor, backend } = fakeSupervisor();
  await supervisor.startAll();
  const clock = new FakeClock();
  const sent = new Sent();
  const manager = new ServiceManager({ socket: "/x" }, { clock, send: sent.send });
  manager.watch(supervisor);
  assert.deepEqual(sent.take(), ["STATUS=2 mounts up, nothing waiting"]);
  await clock.advance(20_000);
  assert.deepEqual(sent.take(), [], "nothing new, and no watchdog");
  backend.mounts.get("photos")!.pendingFiles = 1;
  await clock.advance(10_000);
  assert.deepEqual(sent.take(), ["STATUS=2 mounts up, 1 file waiting (10 B)"]);
  await manager.close();
  await clock.advance(10_000);
  assert.deepEqual(sent.take(), []);
});

Deno.test("What the manager did not take is told again", async () => {
  const { supervisor } = fakeSupervisor();
  const clock = new FakeClock();
  const sent = new Sent();
  const manager = new ServiceManager({ socket: "/x" }, { clock, send: sent.send });
  sent.refuses = true;
  manager.watch(supervisor);
  manager.ready();
  sent.refuses = false;
  await clock.advance(5000);
  assert.deepEqual(sent.take(), ["READY=1\nSTATUS=0 mounts up, nothing waiting"]);
  await manager.close();
});

Deno.test("Signs of life stop as long as a mount does not answer", async () => {
  const { supervisor, backend } = fakeSupervisor();
  await supervisor.startAll();
  const clock = new FakeClock();
  const sent = new Sent();
  const manager = new ServiceManager({ socket: "/x", watchdogMs: 6000 }, {
    clock,
    send: sent.send,
  });
  manager.watch(supervisor);
  sent.take();
  await clock.advance(9000);
  assert.deepEqual(sent.take(), ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"], "twice per period");
  backend.mounts.get("music")!.answering = false;
  await clock.advance(30_000);
  assert.deepEqual(sent.take(), []);
  backend.mounts.get("music")!.answering = true;
  await clock.advance(3000);
  assert.deepEqual(sent.take(), ["WATCHDOG=1"]);
  await manager.close();
});

Deno.test("A daemon that ends asks for time, but not for ever", async () => {
  const clock = new FakeClock();
  const sent = new Sent();
  const manager = new ServiceManager({ socket: "/x" }, { clock, send: sent.send });
  manager.watch(fakeSupervisor().supervisor);
  manager.stopping();
  await clock.advance(300_000);
  const asked = sent.take().filter((text) => text.includes("EXTEND_TIMEOUT_USEC=30000000"));
  assert.equal(asked.length, 24, "at once, and every 5 s for 2 minutes");
  await manager.close();
});
