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
  assert.equal(opsByOpcode.size, 35);
  for (const [opcode, op] of opsByOpcode) assert.equal(op.opcode, opcode);
});

Deno.test("open passes no creation flags on, and create only O_EXCL", async () => {
  const seen: number[] = [];
  const fs = Object.assign(memoryFs(), {
    open: (_ino: number, flags: number) => {
      seen.push(flags);
      return { fh: 1 };
    },
    create: (_parent: number, _name: string, mode: number, flags: number) => {
      seen.push(mode, flags);
      throw new FsError("EEXIST", "made by somebody else");
    },
  }) as unknown as FileSystem; // Branded ids are left out for brevity.
  const flags = 0o100000 | 0o300 | 0o1002;
  const [opened, created] = await ask(
    fs,
    [Opcode.OPEN, u32(flags), u32(0)],
    [Opcode.CREATE, u32(flags), u32(0o100640), u32(0o22), u32(0), "name"],
  );
  assert.deepEqual([opened?.error, created?.error], [0, -17]);
  assert.deepEqual(seen, [0o100000 | 0o1002, 0o100640, 0o100000 | 0o1202]);
});

Deno.test("mknod passes the type and the device on", async () => {
  const fs = memoryFs();
  const parent = [...fs.nodes.keys()][1]!; // ask() asks about inode 2
  const [made] = await ask(
    fs,
    [Opcode.MKNOD, u32(0o020640), u32(0x0010_0305), u32(0o22), u32(0), "null"],
  );
  const node = fs.node(fs.node(parent).children.get("null")!);
  assert.equal(made?.error, 0);
  assert.deepEqual([node.mode, node.rdev, node.uid, node.gid], [0o020640, 0x0010_0305, 1000, 1001]);
  const attr = new DataView(made!.body.buffer, 40);
  assert.deepEqual([attr.getUint32(60, true), attr.getUint32(76, true)], [0o020640, 0x0010_0305]);
});

Deno.test("rename passes names and flags on; the older request has none", async () => {
  const seen: unknown[] = [];
  const fs = Object.assign(memoryFs(), {
    rename: (...args: unknown[]) => void seen.push(args.slice(0, 5)),
  });
  const replies = await ask(
    fs,
    [Opcode.RENAME, u64(7), "a", "b"],
    [Opcode.RENAME2, u64(8), u32(2), u32(0), "ü", "a b"],
  );
  assert.deepEqual(replies.map(({ error }) => error), [0, 0]);
  assert.deepEqual(seen, [[2, "a", 7, "b", 0], [2, "ü", 8, "a b", 2]]);
});

Deno.test("fallocate and lseek pass 64-bit ranges on", async () => {
  const seen: unknown[] = [];
  const fs = Object.assign(memoryFs(), {
    fallocate: (...args: unknown[]) => void seen.push(args.slice(0, 5)),
    lseek: (...args: unknown[]) => {
      seen.push(args.slice(0, 4));
      return 2 ** 41;
    },
  });
  const [, found] = await ask(
    fs,
    [Opcode.FALLOCATE, u64(9), u64(2 ** 40), u64(2 ** 33), u32(3), u32(0)],
    [Opcode.LSEEK, u64(9), u64(2 ** 40), u32(4), u32(0)],
  );
  assert.deepEqual(seen, [[2, 9, 3, 2 ** 40, 2 ** 33], [2, 9, 2 ** 40, 4]]);
  assert.deepEqual(found?.body, pack(u64(2 ** 41)));
});

Deno.test("copy_file_range is asked in two forms, and answered with 32 or 64 bits", async () => {
  const seen: unknown[] = [];
  const fs = Object.assign(memoryFs(), {
    copyFileRange: (...args: unknown[]) => {
      seen.push(args.slice(0, 8));
      return 3 * 2 ** 30;
    },
  });
  const fields = [u64(9), u64(2 ** 40), u64(1), u64(10), u64(2 ** 41), u64(3 * 2 ** 30), u64(0)];
  const [narrow, wide] = await ask(
    fs,
    [Opcode.COPY_FILE_RANGE, ...fields],
    [Opcode.COPY_FILE_RANGE_64, ...fields],
  );
  assert.deepEqual(seen[0], [2, 9, 2 ** 40, 1, 10, 2 ** 41, 3 * 2 ** 30, 0]);
  assert.deepEqual(seen[1], seen[0]);
  assert.deepEqual(narrow?.body, pack(u32(3 * 2 ** 30), u32(0)));
  assert.deepEqual(wide?.body, pack(u64(3 * 2 ** 30)));
  const without: FileSystem = Object.assign(memoryFs(), { copyFileRange: undefined });
  const [refused] = await ask(without, [Opcode.COPY_FILE_RANGE_64, ...fields]);
  assert.equal(refused?.error, -38);
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
  const zeros = [u64(0), u64(0), u64(0)];
  const cases: readonly (readonly [Ask, number])[] = [
    [write(0), 0o106755],
    [write(4), 0o100755],
    [setattr(1 << 3), 0o106755],
    [setattr(1 << 3 | 1 << 11), 0o100755],
    [setattr(1 << 1), 0o100755],
    [setattr(1 << 5), 0o106755],
    [[Opcode.FALLOCATE, u64(1), u64(0), u64(9), u32(0), u32(0)], 0o100755],
    [[Opcode.COPY_FILE_RANGE_64, u64(1), u64(0), u64(2), u64(1), ...zeros], 0o100755],
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
