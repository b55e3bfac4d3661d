import assert from "node:assert/strict";
import { FsError, type HandleId, type InodeNumber } from "../../vfs/file_system.ts";
import { type Field, pack, u32, u64 } from "../../../tests/support/fuse_messages.ts";
import { ArgumentReader } from "./argument_reader.ts";
import { DirentBuffer } from "./dirent_buffer.ts";
import { decodeRequestHeader, encodeReplyHeader, uniqueKey } from "./header.ts";
import { decodeInit, encodeInit } from "./init.ts";
import { InitFlag, initFlagNames } from "./init_flags.ts";
import { linuxLayout } from "./layout_linux.ts";
import { encodeInvalidateEntry, encodeInvalidateInode } from "./notifications.ts";
import { readI64, readU64, writeI64 } from "./numbers.ts";
import { Opcode, opcodeName } from "./opcodes.ts";
import { OpenReplyFlag, SetattrValid } from "./protocol_flags.ts";
import {
  encodeAttr,
  encodeCount,
  encodeCreate,
  encodeEntry,
  encodeNames,
  encodeOffset,
  encodeOpen,
  encodeStatFs,
} from "./replies.ts";

const inode = (number: number) => number as InodeNumber;

function reader(...fields: readonly Field[]): ArgumentReader {
  const bytes = pack(...fields);
  return new ArgumentReader(bytes, new DataView(bytes.buffer), 0, bytes.length);
}

function withErrno(errno: string) {
  return (error: unknown) => error instanceof FsError && error.errno === errno;
}

const ATTR = {
  ino: inode(0x1_0000_0002),
  size: 1025,
  atime: { sec: 1, nsec: 2 },
  mtime: { sec: -3, nsec: 4 },
  ctime: { sec: 5, nsec: 6 },
  mode: 0o100644,
  nlink: 7,
  uid: 8,
  gid: 9,
  rdev: 10,
};
const ATTR_BYTES = pack(
  ...[u64(0x1_0000_0002), u64(1025), u64(3), u64(1), u64(-3), u64(5)],
  ...[u32(2), u32(4), u32(6), u32(0o100644), u32(7), u32(8), u32(9), u32(10), u32(4096), u32(0)],
);

Deno.test("64-bit numbers are exact to 2^53, also below zero", () => {
  const view = new DataView(new ArrayBuffer(8));
  for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53) + 1, -5e9]) {
    writeI64(view, 0, value);
    assert.equal(view.getBigInt64(0, true), BigInt(value));
    assert.equal(readI64(view, 0), value);
    if (value >= 0) assert.equal(readU64(view, 0), value);
  }
});

Deno.test("A request's header is taken apart, and a reply's repeats all 64 bits of its number", () => {
  const bytes = pack(
    ...[u32(40), u32(15), u32(6), u32(0x8000_0001), u64(0x3_0000_0004), u32(5), u32(6), u32(7)],
    u32(0),
  );
  const header = decodeRequestHeader(new DataView(bytes.buffer));
  assert.deepEqual(header, {
    length: 40,
    opcode: Opcode.READ,
    unique: { low: 6, high: 0x8000_0001 },
    inode: 0x3_0000_0004,
    uid: 5,
    gid: 6,
    pid: 7,
  });
  const reply = new DataView(new ArrayBuffer(16));
  encodeReplyHeader(reply, 16, 2, header.unique);
  assert.deepEqual(
    new Uint8Array(reply.buffer),
    pack(u32(16), u32(-2), u32(6), u32(0x8000_0001)),
  );
  assert.equal(uniqueKey(header.unique), 2 ** 32 + 6);
});

Deno.test("Opcodes have names, and those of later protocols a number", () => {
  assert.equal(opcodeName(44), "READDIRPLUS");
  assert.equal(opcodeName(52), "STATX");
  assert.equal(opcodeName(99), "opcode 99");
  assert.equal(new Set(Object.values(Opcode)).size, Object.values(Opcode).length);
});

Deno.test("ArgumentReader reads fields in order and refuses to read beyond the end", () => {
  const args = reader(u32(7), u64(-2), "name", "target/with/slash", new Uint8Array([1, 2]));
  assert.equal(args.u32(), 7);
  assert.equal(args.i64(), -2);
  assert.equal(args.name(), "name");
  assert.equal(args.text(), "target/with/slash");
  assert.equal(args.remaining, 2);
  assert.throws(() => args.u32(), withErrno("EIO"));
  assert.throws(() => args.bytes(3), withErrno("EIO"));
  assert.throws(() => args.skip(3), withErrno("EIO"));
  assert.deepEqual(args.bytes(2), new Uint8Array([1, 2]));
});

Deno.test("ArgumentReader gives names exactly and refuses what is none", () => {
  for (const name of ["a", "grüße", "\ufeffbom", "e\u0301", "a\\b", " ", "...", "a".repeat(255)]) {
    assert.equal(reader(name).name(), name);
  }
  for (const name of ["", ".", "..", "a/b", "/"]) {
    assert.throws(() => reader(name).name(), withErrno("EINVAL"), JSON.stringify(name));
  }
  assert.throws(() => reader("ü".repeat(128)).name(), withErrno("ENAMETOOLONG"));
  const broken = [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf5, 0x80, 0x80, 0x80]];
  for (const bytes of broken) {
    const args = reader(new Uint8Array(bytes), new Uint8Array(1));
    assert.throws(() => args.name(), withErrno("EILSEQ"), String(bytes));
  }
  assert.throws(() => reader(new Uint8Array([97, 98])).name(), withErrno("EIO"));
  // A NUL behind the request's end, left from an earlier request, does not count.
  const bytes = pack(new Uint8Array([97, 98]), "x");
  const cut = new ArgumentReader(bytes, new DataView(bytes.buffer), 0, 2);
  assert.throws(() => cut.name(), withErrno("EIO"));
});

Deno.test("Entries, attributes, opens and counts have the kernel's layout", () => {
  const entry = { ino: ATTR.ino, generation: 3, attr: ATTR, entryTtlMs: 1500, attrTtlMs: 60_000 };
  const head = pack(
    ...[u64(ATTR.ino), u64(3), u64(1), u64(60), u32(500_000_000), u32(0)],
  );
  assert.deepEqual(encodeEntry(entry, linuxLayout), pack(head, ATTR_BYTES));
  assert.deepEqual(
    encodeEntry({ ino: 0, generation: 0, entryTtlMs: 250, attrTtlMs: 0 }, linuxLayout),
    pack(
      ...[u64(0), u64(0), u64(0), u64(0), u32(250_000_000), u32(0), new Uint8Array(88)],
    ),
  );
  assert.deepEqual(
    encodeAttr({ attr: ATTR, ttlMs: Infinity }, linuxLayout),
    pack(u64(365 * 86_400), u32(0), u32(0), ATTR_BYTES),
  );
  const setId = { ...ATTR, mode: 0o104755 };
  assert.deepEqual(
    encodeAttr({ attr: setId, ttlMs: 1000 }, linuxLayout).subarray(0, 16),
    new Uint8Array(16),
    "not to be cached",
  );
  assert.deepEqual(
    encodeEntry({ ...entry, attr: setId }, linuxLayout).subarray(16, 40),
    pack(u64(1), u64(0), u32(500_000_000), u32(0)),
  );
  const open = { fh: 11 as HandleId, directIo: true, cacheDir: true };
  const flags = OpenReplyFlag.DIRECT_IO | OpenReplyFlag.CACHE_DIR;
  const openBytes = pack(u64(11), u32(flags), u32(0));
  assert.deepEqual(encodeOpen(open), openBytes);
  assert.deepEqual(
    encodeOpen({ fh: 1 as HandleId, keepCache: true, noFlush: true }),
    pack(u64(1), u32(2 + 32), u32(0)),
  );
  assert.deepEqual(encodeCreate(entry, open, linuxLayout), pack(head, ATTR_BYTES, openBytes));
  assert.deepEqual(encodeCount(5), pack(u32(5), u32(0)));
  assert.deepEqual(encodeOffset(2 ** 40), pack(u64(2 ** 40)));
  assert.deepEqual(encodeNames(["user.a", "user.ü"]), pack("user.a", "user.ü"));
  assert.deepEqual(encodeNames([]), new Uint8Array(0));
});

Deno.test("statfs has the kernel's layout", () => {
  const stat = { blockSize: 512, blocks: 1, blocksFree: 2, files: 3, filesFree: 4, nameMax: 255 };
  assert.deepEqual(
    encodeStatFs(stat),
    pack(
      ...[u64(1), u64(2), u64(2), u64(3), u64(4), u32(512), u32(255), u32(512), u32(0)],
      new Uint8Array(24),
    ),
  );
});

Deno.test("setattr gives exactly the changes that are marked", () => {
  const fields = (valid: number) =>
    reader(
      ...[u32(valid), u32(0), u64(21), u64(22), u64(23), u64(-24), u64(25), u64(26)],
      ...[u32(27), u32(28), u32(29), u32(30), u32(0), u32(31), u32(32), u32(0)],
    );
  assert.deepEqual(linuxLayout.readSetattr(fields(0)), {
    changes: {},
    fh: undefined,
    killSetIds: false,
  });
  const { MODE, UID, GID, SIZE, ATIME, MTIME, FH, MTIME_NOW, KILL_SUIDGID } = SetattrValid;
  const all = MODE | UID | GID | SIZE | ATIME | MTIME | FH | MTIME_NOW | KILL_SUIDGID;
  assert.deepEqual(linuxLayout.readSetattr(fields(all)), {
    changes: {
      mode: 30,
      uid: 31,
      gid: 32,
      size: 22,
      atime: { sec: -24, nsec: 27 },
      mtime: "now",
    },
    fh: 21,
    killSetIds: true,
  });
});

Deno.test("INIT is understood with and without the upper flags", () => {
  const old = reader(u32(7), u32(31), u32(1 << 17), u32(Number(InitFlag.ASYNC_READ)));
  assert.deepEqual(decodeInit(old), {
    major: 7,
    minor: 31,
    maxReadahead: 1 << 17,
    flags: InitFlag.ASYNC_READ,
  });
  const flags = Number(InitFlag.INIT_EXT | InitFlag.BIG_WRITES);
  const later = reader(u32(7), u32(45), u32(0), u32(flags), u32(1 << 4), new Uint8Array(44));
  assert.deepEqual(initFlagNames(decodeInit(later).flags), [
    "BIG_WRITES",
    "INIT_EXT",
    "DIRECT_IO_ALLOW_MMAP",
  ]);
  assert.deepEqual(
    encodeInit({
      major: 7,
      minor: 40,
      maxReadahead: 9,
      flags: InitFlag.INIT_EXT | InitFlag.DIRECT_IO_ALLOW_MMAP,
      maxBackground: 0x102,
      congestionThreshold: 0x304,
      maxWrite: 1 << 20,
      timeGranularity: 1,
      maxPages: 256,
    }),
    pack(
      ...[u32(7), u32(40), u32(9), u32(1 << 30), u32(0x0304_0102), u32(1 << 20), u32(1)],
      ...[u32(256), u32(1 << 4), new Uint8Array(28)],
    ),
  );
});

Deno.test("Directory entries are padded to 8 bytes, and one that does not fit is not taken", () => {
  const dirent = (name: string, cookie: number) => ({
    name,
    ino: inode(5),
    type: 0o040000,
    cookie,
  });
  const buffer = new DirentBuffer(32 + 32 + 31);
  assert.ok(buffer.add(dirent("12345678", 1)));
  assert.ok(buffer.add(dirent("ü", 2)));
  assert.ok(!buffer.add(dirent("x", 3)));
  assert.deepEqual(
    buffer.bytes,
    pack(
      ...[u64(5), u64(1), u32(8), u32(4), new TextEncoder().encode("12345678")],
      ...[u64(5), u64(2), u32(2), u32(4), new TextEncoder().encode("ü"), new Uint8Array(6)],
    ),
  );
  assert.ok(!new DirentBuffer(31).add(dirent("1234567890", 1)));
});

Deno.test("readdirplus entries carry attributes and are counted only when taken", () => {
  let counted = 0;
  const entry = () => {
    counted++;
    return { ino: ATTR.ino, generation: 0, attr: ATTR, entryTtlMs: 1000, attrTtlMs: 2000 };
  };
  const dirent = { name: "a", ino: ATTR.ino, type: 0o100000, cookie: 3 };
  const buffer = new DirentBuffer(2 * 160, linuxLayout);
  assert.ok(buffer.add({ ...dirent, name: "." }));
  assert.ok(buffer.add({ ...dirent, entry }));
  assert.ok(!buffer.add({ ...dirent, entry }));
  assert.equal(counted, 1);
  assert.deepEqual(buffer.counted, [ATTR.ino]);
  const tail = pack(u64(ATTR.ino), u64(3), u32(1), u32(8));
  assert.deepEqual(
    buffer.bytes,
    pack(
      ...[new Uint8Array(128), tail, ".", new Uint8Array(6)],
      ...[u64(ATTR.ino), u64(0), u64(1), u64(2), u32(0), u32(0), ATTR_BYTES],
      ...[tail, "a", new Uint8Array(6)],
    ),
  );
});

Deno.test("Notifications have number 0 and their code in place of the error", () => {
  assert.deepEqual(
    encodeInvalidateInode(inode(9), 4096, -1),
    pack(u32(40), u32(2), u64(0), u64(9), u64(4096), u64(-1)),
  );
  assert.deepEqual(
    encodeInvalidateEntry(inode(9), "ü"),
    pack(u32(35), u32(3), u64(0), u64(9), u32(2), u32(0), "ü"),
  );
});
