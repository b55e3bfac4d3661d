import assert from "node:assert/strict";
import {
  closeDescriptor,
  type DescriptorMessage,
  receiveMessage,
  socketPair,
} from "../ffi/descriptor_message.ts";
import { openDevice } from "../ffi/device.ts";
import { openMemoryFile } from "../ffi/fd_file.ts";
import { SystemError } from "../ffi/system_error.ts";
import { DatagramInbox } from "../../tests/support/datagram_inbox.ts";
import { DescriptorStore, findDescriptorStore } from "./descriptor_store.ts";
import { whyNoMount } from "../../tests/support/fuse_mounts.ts";

const from = (variables: Record<string, string>) =>
  findDescriptorStore((name) => variables[name], 42);

Deno.test("Without a holder and a service manager there is no store", () => {
  assert.equal(from({}), undefined);
  assert.equal(from({ NOTIFY_SOCKET: "vsock:2:1234", FDSTORE: "8" }), undefined);
  assert.equal(from({ NOTIFY_SOCKET: "/run/notify" }), undefined, "it keeps nothing");
});

Deno.test("What a holder has kept is found, with its log, and kept on", {
  ignore: whyNoMount() !== undefined,
}, async () => {
  const [ours, theirs] = socketPair();
  const device = openDevice("/dev/fuse");
  const log = openMemoryFile("log")!;
  const lonely = openMemoryFile("lonely")!;
  const store = from({
    CLOUDMOUNT_HOLDER: String(theirs),
    CLOUDMOUNT_HELD: `${log.fd}:mount-a%20b,${device.fd}:mount-a%20b,${lonely.fd}:mount-x`,
  })!;
  assert.deepEqual(store.names(), ["a b"]);
  const held = store.take("a b");
  assert.deepEqual(held, { device: device.fd, log: log.fd });
  assert.equal(store.take("a b"), undefined);
  assert.throws(() => lonely.size(), SystemError, "of no use without a device, and so closed");
  await store.keep("ü:", held);
  const kept = receiveMessage(ours) as DescriptorMessage;
  assert.equal(kept.text, "FDSTORE=1\nFDNAME=mount-%C3%BC%3A");
  assert.equal(kept.descriptors.length, 2);
  for (const fd of kept.descriptors) closeDescriptor(fd);
  store.drop("ü:");
  assert.deepEqual(receiveMessage(ours), {
    text: "FDSTOREREMOVE=1\nFDNAME=mount-%C3%BC%3A",
    descriptors: [],
  });
  await device.close();
  log.close();
  closeDescriptor(ours);
  // Nobody is there to be told any more.
  store.drop("a b");
  await assert.rejects(store.keep("a b", { device: 0, log: 0 }), SystemError);
  closeDescriptor(theirs);
});

Deno.test("A service manager is asked at its socket; what was passed to another process is not ours", async () => {
  const address = `@cloudmount-store-${crypto.randomUUID()}`;
  using inbox = new DatagramInbox(address);
  const store = from({ NOTIFY_SOCKET: address, FDSTORE: "8", LISTEN_PID: "41", LISTEN_FDS: "5" })!;
  assert.deepEqual(store.names(), []);
  store.drop("photos");
  assert.equal(await inbox.next(), "FDSTOREREMOVE=1\nFDNAME=mount-photos");
});

Deno.test("A busy receiver is asked again, for a while", async () => {
  let tries = 0;
  const clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };
  const busy = new DescriptorStore(
    () => {
      if (++tries < 3) throw new SystemError("Cannot send", "sendmsg", "EAGAIN");
    },
    new Map(),
    clock,
  );
  await busy.keep("a", { device: 1, log: 2 });
  assert.equal(tries, 3);
  tries = -1000;
  await assert.rejects(busy.keep("a", { device: 1, log: 2 }), SystemError);
});
