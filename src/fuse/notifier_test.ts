import assert from "node:assert/strict";
import { pack, u32, u64 } from "../../tests/support/fuse_messages.ts";
import { ScriptedChannel } from "../../tests/support/scripted_channel.ts";
import type { InodeNumber } from "../vfs/file_system.ts";
import { BusyInodes } from "./busy_inodes.ts";
import { FuseNotifier } from "./notifier.ts";

const inode = (number: number) => number as InodeNumber;
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("Notifier sends each thing once, and returns before it is sent", async () => {
  const channel = new ScriptedChannel();
  const notifier = new FuseNotifier(channel, () => false);
  for (let round = 0; round < 3; round++) {
    notifier.invalidateInode(inode(5), 0, 0);
    notifier.invalidateEntry(inode(1), "a");
    notifier.invalidateEntry(inode(1), "b");
  }
  assert.equal(channel.notifications.length, 0);
  await turn();
  assert.deepEqual(channel.notifications, [
    pack(u32(40), u32(2), u64(0), u64(5), u64(0), u64(0)),
    pack(u32(34), u32(3), u64(0), u64(1), u32(1), u32(0), "a"),
    pack(u32(34), u32(3), u64(0), u64(1), u32(1), u32(0), "b"),
  ]);
});

Deno.test("Notifier lets names expire only where the kernel would not drop them instead", async () => {
  const channel = new ScriptedChannel();
  const notifier = new FuseNotifier(channel, () => false);
  notifier.agreed(37);
  notifier.expireEntry(inode(1), "a");
  await turn();
  assert.equal(channel.notifications.length, 0);
  notifier.agreed(38);
  notifier.expireEntry(inode(1), "a");
  notifier.invalidateEntry(inode(1), "a");
  await turn();
  assert.deepEqual(channel.notifications, [
    pack(u32(34), u32(3), u64(0), u64(1), u32(1), u32(1), "a"),
    pack(u32(34), u32(3), u64(0), u64(1), u32(1), u32(0), "a"),
  ]);
});

Deno.test("Notifier goes on past messages that wait in the kernel, up to a bound", async () => {
  const channel = new ScriptedChannel();
  const gate = Promise.withResolvers<void>();
  channel.notifyGate = gate.promise;
  const notifier = new FuseNotifier(channel, () => false);
  for (let index = 0; index < 10; index++) notifier.invalidateInode(inode(index + 2), 0, 0);
  await turn();
  assert.equal(channel.notifications.length, 4);
  gate.resolve();
  await turn();
  assert.equal(channel.notifications.length, 10);
});

Deno.test("Notifier drops the oldest beyond its bound and counts them", async () => {
  const channel = new ScriptedChannel();
  const gate = Promise.withResolvers<void>();
  channel.notifyGate = gate.promise;
  const notifier = new FuseNotifier(channel, () => false);
  for (let index = 0; index < 65_536 + 10; index++) notifier.invalidateEntry(inode(1), `${index}`);
  assert.equal(notifier.dropped, 10);
  gate.resolve();
  await turn();
});

Deno.test("Notifier holds back what is about a busy inode until it is idle", async () => {
  const channel = new ScriptedChannel();
  const busy = new BusyInodes((ino) => notifier.settled(ino));
  const notifier = new FuseNotifier(channel, (ino) => busy.has(ino));
  busy.add([inode(1), inode(1)]);
  notifier.invalidateEntry(inode(1), "a");
  notifier.invalidateInode(inode(2), 0, 0);
  await turn();
  notifier.invalidateEntry(inode(1), "a");
  await turn();
  assert.equal(channel.notifications.length, 1);
  busy.remove([inode(1)]);
  await turn();
  assert.equal(channel.notifications.length, 1);
  busy.remove([inode(1)]);
  await turn();
  assert.equal(channel.notifications.length, 2);
  assert.deepEqual(
    channel.notifications[1],
    pack(u32(34), u32(3), u64(0), u64(1), u32(1), u32(0), "a"),
  );
});
