import assert from "node:assert/strict";
import { MemoryFs } from "../../../tests/support/fuse_memory_fs.ts";
import {
  type Field,
  pack,
  request,
  takeApart,
  u32,
  u64,
} from "../../../tests/support/fuse_messages.ts";
import { ScriptedChannel } from "../../../tests/support/scripted_channel.ts";
import { systemClock } from "../../base/clock.ts";
import { type FileSystem, FsError } from "../../vfs/file_system.ts";
import { Session } from "../session.ts";
import { Opcode } from "../wire/opcodes.ts";
import { opsByOpcode } from "./mod.ts";
import { withoutSetIds } from "./set_ids.ts";

type Ask = readonly [opcode: number, ...fields: Field[]];

/** The replies to requests about inode 2, in order. */
async function ask(fs: FileSystem, ...asks: readonly Ask[]) {
  const channel = new ScriptedChannel();
  const session = new Session(channel, fs, { name: "test", clock: systemClock });
  for (const [index, [opcode, ...fields]] of asks.entries()) {
    channel.push(request(opcode, { unique: index + 1, inode: 2 }, ...fields));
  }
  const done = session.run();
  await channel.replied(asks.length);
  channel.unmount();
  await done;
  return channel.replies.map(takeApart);
}

function memoryFs(mode = 0o644): MemoryFs {
  const fs = new MemoryFs();
  fs.addFile("a", new TextEncoder().encode("hello"), mode);
  return fs;
}

const modeOf = (fs: MemoryFs) => [...fs.nodes.values()][1]?.mode ?? 0;

Deno.test("Every handler is listed once, under its opcode", () => {
  assert.equal(opsByOpcode.size, 33);
  for (const [opcode, op] of opsByOpcode) assert.equal(op.opcode, opcode);
});

Deno.test("open passes no creation flags on", async () => {
  const seen: number[] = [];
  const fs = Object.assign(memoryFs(), {
    open: (_ino: number, flags: number) => {
      seen.push(flags);
      return { fh: 1 };
    },
  }) as unknown as FileSystem; // Branded ids are left out for brevity.
  await ask(fs, [Opcode.OPEN, u32(0o100000 | 0o300 | 0o1002), u32(0)]);
  assert.deepEqual(seen, [0o100000 | 0o1002]);
});

Deno.test("A read that returns more than was asked for is an error, not a corrupted reply", async () => {
  const fs = memoryFs();
  fs.read = () => [new Uint8Array(6), new Uint8Array(5)];
  const read = (size: number): Ask => [
    ...[Opcode.READ, u64(1), u64(0), u32(size), new Uint8Array(20)] as const,
  ];
  const [tooMuch, exact] = await ask(fs, read(10), read(11));
  assert.equal(tooMuch?.error, -5);
  assert.equal(exact?.body.length, 11);
});

Deno.test("Extended attributes answer their size, their value, or ERANGE", async () => {
  const fs = memoryFs();
  const get = (room: number, name: string): Ask => [
    ...[Opcode.GETXATTR, u32(room), u32(0), name] as const,
  ];
  const [set, size, value, narrow, missing, list, listSize, removed, gone] = await ask(
    fs,
    [Opcode.SETXATTR, u32(3), u32(0), "user.k", new Uint8Array([1, 0, 2])],
    get(0, "user.k"),
    get(3, "user.k"),
    get(2, "user.k"),
    get(0, "user.missing"),
    [Opcode.LISTXATTR, u32(100), u32(0)],
    [Opcode.LISTXATTR, u32(0), u32(0)],
    [Opcode.REMOVEXATTR, "user.k"],
    get(0, "user.k"),
  );
  assert.equal(set?.error, 0);
  assert.deepEqual(size?.body, pack(u32(3), u32(0)));
  assert.deepEqual(value?.body, new Uint8Array([1, 0, 2]));
  assert.equal(narrow?.error, -34);
  assert.equal(missing?.error, -61);
  assert.deepEqual(list?.body, pack("user.k"));
  assert.deepEqual(listSize?.body, pack(u32(7), u32(0)));
  assert.equal(removed?.error, 0);
  assert.equal(gone?.error, -61);
});

Deno.test("Attributes of the system's namespaces are refused without asking", async () => {
  const fs = memoryFs();
  const replies = await ask(
    fs,
    [Opcode.GETXATTR, u32(0), u32(0), "security.selinux"],
    [Opcode.GETXATTR, u32(0), u32(0), "system.posix_acl_access"],
    [Opcode.SETXATTR, u32(1), u32(0), "security.capability", new Uint8Array(1)],
    [Opcode.REMOVEXATTR, "security.capability"],
  );
  assert.deepEqual(replies.map(({ error }) => error), [-95, -95, -95, -95]);
  assert.equal([...fs.calls.keys()].filter((call) => call.includes("xattr")).length, 0);
});

Deno.test("Set-id bits go when another user writes, truncates, or gives the file away", async () => {
  assert.equal(withoutSetIds(0o106755), 0o100755);
  assert.equal(withoutSetIds(0o106745), 0o102745, "a lock mark, not a set-group-id file");
  const write = (flags: number): Ask => [
    ...[Opcode.WRITE, u64(1), u64(0), u32(1), u32(flags), new Uint8Array(16)] as const,
    new Uint8Array(1),
  ];
  const setattr = (valid: number): Ask => [
    ...[Opcode.SETATTR, u32(valid), u32(0), new Uint8Array(80)] as const,
  ];
  const cases: readonly (readonly [Ask, number])[] = [
    [write(0), 0o106755],
    [write(4), 0o100755],
    [[Opcode.OPEN, u32(0o1001), u32(0)], 0o106755],
    [[Opcode.OPEN, u32(0o1001), u32(1)], 0o100755],
    [setattr(1 << 3), 0o106755],
    [setattr(1 << 3 | 1 << 11), 0o100755],
    [setattr(1 << 1), 0o100755],
    [setattr(1 << 5), 0o106755],
  ];
  for (const [question, mode] of cases) {
    const fs = memoryFs(0o6755);
    assert.deepEqual((await ask(fs, question)).map(({ error }) => error), [0]);
    assert.equal(modeOf(fs).toString(8), mode.toString(8), JSON.stringify(question));
  }
});

Deno.test("A listing that fails half-way takes its lookups back", async () => {
  const fs = memoryFs();
  const { readdir } = fs;
  fs.readdir = (async (...args: Parameters<typeof readdir>) => {
    readdir.apply(fs, [1 as typeof args[0], ...args.slice(1)] as typeof args);
    await undefined;
    throw new FsError("EIO", "the second page failed");
  }) as unknown as typeof readdir;
  const plus: Ask = [
    ...[Opcode.READDIRPLUS, u64(1), u64(0), u32(4096), new Uint8Array(12)] as const,
  ];
  const [reply] = await ask(fs, plus);
  assert.equal(reply?.error, -5);
  assert.equal(fs.lookups, 0);
});
