/** A conversation recorded from Linux 6.18 (protocol 7.45), which took each of these replies. */
import assert from "node:assert/strict";
import { systemClock } from "../../src/base/clock.ts";
import { Session } from "../../src/fuse/session.ts";
import { opcodeName } from "../../src/fuse/wire/opcodes.ts";
import { MemoryFs } from "../support/fuse_memory_fs.ts";
import { ScriptedChannel } from "../support/scripted_channel.ts";

function recorded(): { requests: Uint8Array<ArrayBuffer>[]; replies: string[] } {
  const lines = Deno.readTextFileSync(new URL("exchange_7_45.txt", import.meta.url)).split("\n");
  const of = (mark: string) =>
    lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(2));
  return { requests: of("< ").map(fromHex), replies: of("> ") };
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(hex.match(/../g)?.map((byte) => parseInt(byte, 16)) ?? []);
}

function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("The recorded requests get the recorded replies, byte for byte", async () => {
  const { requests, replies } = recorded();
  const asked = new Set(requests.map((request) => opcodeName(request[4] ?? 0)));
  for (const name of ["MKNOD", "RENAME2", "FALLOCATE", "LSEEK", "COPY_FILE_RANGE_64", "SETXATTR"]) {
    assert.ok(asked.has(name), name);
  }
  const fs = new MemoryFs({ ttlMs: 1500 });
  fs.addFile("grüße.txt", new TextEncoder().encode("hello\n"));
  const channel = new ScriptedChannel();
  const session = new Session(channel, fs, { name: "recorded", clock: systemClock });
  channel.push(...requests);
  channel.unmount();
  await session.run();
  assert.equal(channel.replies.length, replies.length);
  for (const [index, reply] of channel.replies.entries()) {
    const opcode = requests[index]?.[4] ?? 0;
    assert.equal(toHex(reply), replies[index], `${index}: ${opcodeName(opcode)}`);
  }
});
