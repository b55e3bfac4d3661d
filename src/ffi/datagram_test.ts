import assert from "node:assert/strict";
import { DatagramInbox } from "../../tests/support/datagram_inbox.ts";
import { sendDatagram, socketAddress } from "./datagram.ts";
import { SystemError } from "./system_error.ts";

Deno.test("sendDatagram sends to a path and to an abstract name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const address of [`${folder}/notify`, `@cloudmount-test-${crypto.randomUUID()}`]) {
      using inbox = new DatagramInbox(address);
      sendDatagram(address, "READY=1\nSTATUS=ü");
      assert.equal(await inbox.next(), "READY=1\nSTATUS=ü");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("sendDatagram tells that nobody listens, and that the receiver does not keep up", () => {
  const name = `@cloudmount-test-${crypto.randomUUID()}`;
  const errno = (errno: string) => (error: unknown) =>
    error instanceof SystemError && error.errno === errno;
  assert.throws(() => sendDatagram(name, "x"), errno("ECONNREFUSED"));
  using _inbox = new DatagramInbox(name);
  assert.throws(() => {
    // Far above any setting of net.unix.max_dgram_qlen.
    for (let sent = 0; sent < 100_000; sent++) sendDatagram(name, "x");
  }, errno("EAGAIN"));
});

Deno.test("socketAddress ends a path by NUL and takes an abstract name as it is", () => {
  assert.deepEqual([...socketAddress("/a")], [1, 0, 47, 97, 0]);
  assert.deepEqual([...socketAddress("@a")], [1, 0, 0, 97]);
  assert.throws(() => socketAddress("/" + "x".repeat(107)), /1 to 107 bytes/);
  assert.throws(() => socketAddress(""), TypeError);
});
