import assert from "node:assert/strict";
import { MemoryFs } from "../../tests/support/fuse_memory_fs.ts";
import { request, takeApart, u32, u64 } from "../../tests/support/fuse_messages.ts";
import { ScriptedChannel } from "../../tests/support/scripted_channel.ts";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { giveWay, systemClock } from "../base/clock.ts";
import { type FileSystem, FsError, type InodeNumber } from "../vfs/file_system.ts";
import { REQUEST_BYTES_MAX } from "./negotiate.ts";
import { Session, type SessionOptions } from "./session.ts";
import { InitFlag } from "./wire/init_flags.ts";
import { Opcode } from "./wire/opcodes.ts";

interface Served {
  readonly channel: ScriptedChannel;
  readonly session: Session;
  /** Resolves when the session is over. */
  readonly done: Promise<void>;
}

function serve(fs: FileSystem, options: Partial<SessionOptions> = {}): Served {
  const channel = new ScriptedChannel();
  const session = new Session(channel, fs, { name: "test", clock: systemClock, ...options });
  return { channel, session, done: session.run() };
}

function init(major: number, minor: number, flags: number): Uint8Array<ArrayBuffer> {
  return request(Opcode.INIT, {}, u32(major), u32(minor), u32(1 << 17), u32(flags));
}

/** A file system whose named methods are as given and whose others do not exist. */
function fileSystem(methods: Partial<FileSystem>): FileSystem {
  const missing = () => {
    throw new FsError("ENOSYS", "not in this test");
  };
  return { lookup: missing, getattr: missing, forget: () => {}, ...methods };
}

const errorsOf = (channel: ScriptedChannel) =>
  channel.replies.map((reply) => takeApart(reply).error);

Deno.test("Session negotiates INIT and is ready then", async () => {
  const { channel, session, done } = serve(new MemoryFs());
  channel.push(init(7, 36, Number(InitFlag.BIG_WRITES | InitFlag.WRITEBACK_CACHE)));
  const agreed = await session.ready;
  assert.equal(agreed.flags, InitFlag.BIG_WRITES);
  assert.equal(agreed.minor, 36);
  assert.equal(takeApart(channel.replies[0]).body.length, 64);
  channel.unmount();
  await done;
});

Deno.test("Session refuses a kernel that is too old, and lets a newer one ask again", async () => {
  const old = serve(new MemoryFs());
  old.channel.push(init(7, 30, 0));
  await assert.rejects(old.session.ready, /FUSE 7\.30.*Linux 5\.4/);
  assert.deepEqual(errorsOf(old.channel), [-71]);
  old.channel.unmount();
  const newer = serve(new MemoryFs());
  newer.channel.push(init(8, 0, 0), init(7, 99, 0));
  assert.equal((await newer.session.ready).minor, 45);
  assert.equal(takeApart(newer.channel.replies[0]).body[0], 7);
  newer.channel.unmount();
  await Promise.all([old.done, newer.done]);
});

Deno.test("Session is not ready when the mount ends before INIT", async () => {
  const { channel, session, done } = serve(new MemoryFs());
  channel.unmount();
  await assert.rejects(session.ready, /ended before it began/);
  await done;
});

Deno.test("Session answers malformed requests with an error and goes on", async () => {
  const { channel, done } = serve(new MemoryFs());
  const wrongLength = request(Opcode.GETATTR, { unique: 4 }, u32(0), u32(0), u64(0));
  new DataView(wrongLength.buffer).setUint32(0, 1000, true);
  channel.push(
    new Uint8Array(39),
    new Uint8Array(1),
    wrongLength,
    request(Opcode.GETATTR, { unique: 6 }, u32(0)),
    request(Opcode.LOOKUP, { unique: 8 }, new Uint8Array([97])),
    request(Opcode.LOOKUP, { unique: 10 }, new Uint8Array([0xff, 0])),
    request(Opcode.LOOKUP, { unique: 12 }, "a/b"),
    request(Opcode.MKDIR, { unique: 14 }, u32(0o755), u32(0), ".."),
    request(Opcode.WRITE, { unique: 16 }, u64(1), u64(0), u32(100), new Uint8Array(20)),
    request(Opcode.IOCTL, { unique: 18 }, new Uint8Array(32)),
    request(4711, { unique: 20 }),
    request(Opcode.GETATTR, { unique: 22 }, u32(0), u32(0), u64(0)),
  );
  await channel.replied(10);
  assert.deepEqual(
    channel.replies.map(takeApart).map(({ unique, error }) => [Number(unique), error]),
    [
      ...[[4, -5], [6, -5], [8, -5], [10, -84], [12, -22], [14, -22], [16, -5]],
      ...[[18, -38], [20, -38], [22, 0]],
    ],
  );
  channel.unmount();
  await done;
});

Deno.test("Session answers each of 20,000 random requests once and survives them", async () => {
  await withSeed(async (random) => {
    const { channel, done } = serve(new MemoryFs({ fileBytesMax: 1 << 12 }));
    const { FORGET, BATCH_FORGET, INTERRUPT, NOTIFY_REPLY } = Opcode;
    const silent: number[] = [FORGET, BATCH_FORGET, INTERRUPT, NOTIFY_REPLY];
    const expected = new Set<bigint>();
    for (let index = 1; index <= 20_000; index++) {
      const opcode = random.below(54);
      const body = random.bytes(random.below(random.pick([4, 64, 200])));
      if (random.below(2) === 0) body.fill(0, random.below(body.length + 1));
      const message = request(opcode, { unique: index * 2, inode: 1 + random.below(5) }, body);
      if (random.below(20) === 0) {
        new DataView(message.buffer).setUint32(0, random.below(300), true);
      }
      if (!silent.includes(opcode)) expected.add(BigInt(index * 2));
      channel.push(message);
    }
    channel.unmount();
    await done;
    const replies = channel.replies.map(takeApart);
    const silentErrors = replies.filter(({ unique }) => !expected.has(unique));
    assert.deepEqual(silentErrors, [], "a reply nobody waits for");
    assert.equal(new Set(replies.map(({ unique }) => unique)).size, replies.length);
    assert.equal(replies.length, expected.size);
    for (const { length, body, error } of replies) {
      assert.equal(length, body.length + 16);
      assert.ok(error <= 0 && error > -512);
      if (error !== 0) assert.equal(body.length, 0);
    }
  });
});

Deno.test("Session repeats the mark of a request that is sent again", async () => {
  const { channel, done } = serve(new MemoryFs());
  channel.push(request(Opcode.STATFS, { unique: 6, resent: true }));
  await channel.replied(1);
  assert.equal(takeApart(channel.replies[0]).unique, 6n | (1n << 63n));
  channel.unmount();
  await done;
});

Deno.test("Session handles requests side by side and replies as each is done", async () => {
  const first = Promise.withResolvers<readonly Uint8Array[]>();
  const fs = fileSystem({
    read: (_ino, _fh, offset) => offset === 0 ? first.promise : [new Uint8Array([2])],
  });
  const { channel, session, done } = serve(fs);
  const read = (unique: number, offset: number) =>
    request(Opcode.READ, { unique }, u64(1), u64(offset), u32(10), new Uint8Array(20));
  channel.push(read(2, 0), read(4, 10));
  await channel.replied(1);
  assert.equal(takeApart(channel.replies[0]).unique, 4n);
  assert.equal(session.inFlight, 1);
  first.resolve([new Uint8Array([1]), new Uint8Array(0), new Uint8Array([1, 1])]);
  await channel.replied(2);
  assert.deepEqual(takeApart(channel.replies[1]).body, new Uint8Array([1, 1, 1]));
  channel.unmount();
  await done;
});

Deno.test("Session keeps a write's bytes until it is done, and pauses when too many wait", async () => {
  const gate = Promise.withResolvers<void>();
  const seen: number[][] = [];
  const fs = fileSystem({
    write: async (_ino, _fh, _offset, data) => {
      await gate.promise;
      seen.push([...data]);
      return data.length;
    },
  });
  const { channel, session, done } = serve(fs);
  const total = 40;
  for (let index = 0; index < total; index++) {
    const data = new Uint8Array(100).fill(index);
    const fields = [u64(1), u64(0), u32(100), new Uint8Array(20), data];
    channel.push(request(Opcode.WRITE, { unique: 2 * index + 2 }, ...fields));
  }
  // As many as there are buffers; the others stay in the kernel's queue.
  while (session.inFlight < 16) await giveWay();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual([session.inFlight, session.taken, session.hasWaiting], [16, 16, true]);
  gate.resolve();
  await channel.replied(total);
  assert.deepEqual([session.taken, session.hasWaiting], [total, false]);
  for (const [index, bytes] of seen.entries()) {
    assert.deepEqual(bytes, new Array(100).fill(index));
  }
  channel.unmount();
  await done;
});

Deno.test("An interrupt aborts its operation, which answers EINTR; a late one is ignored", async () => {
  const reasons: unknown[] = [];
  const fs = fileSystem({
    statfs: () => Promise.reject(new FsError("EACCES", "no")),
    read: (_ino, _fh, _offset, _size, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          reject(new Error("the read failed somehow"));
        });
      }),
  });
  const { channel, done } = serve(fs);
  channel.push(
    request(Opcode.STATFS, { unique: 2 }),
    request(Opcode.READ, { unique: 4 }, u64(1), u64(0), u32(10), new Uint8Array(20)),
    request(Opcode.INTERRUPT, { unique: 5 }, u64(4)),
  );
  await channel.replied(2);
  channel.push(request(Opcode.INTERRUPT, { unique: 5 }, u64(4)));
  channel.push(request(Opcode.INTERRUPT, { unique: 3 }, u64(2)));
  channel.unmount();
  await done;
  assert.deepEqual(errorsOf(channel), [-13, -4]);
  assert.ok(reasons[0] instanceof FsError && reasons[0].errno === "EINTR");
  assert.equal(reasons.length, 1);
});

Deno.test("What a reply gave away is taken back when nobody waits for it any more", async () => {
  const fs = new MemoryFs();
  fs.addFile("a", new Uint8Array(1));
  const { channel, done } = serve(fs);
  const ENOENT = 2;
  channel.writeResults.push(ENOENT, ENOENT, ENOENT, ENOENT, ENOENT);
  channel.push(
    request(Opcode.LOOKUP, { unique: 2 }, "a"),
    request(Opcode.CREATE, { unique: 4 }, u32(0), u32(0o644), u64(0), "new"),
    request(Opcode.OPEN, { unique: 6, inode: 2 }, u32(0), u32(0)),
    request(Opcode.OPENDIR, { unique: 8 }, u32(0), u32(0)),
    request(
      Opcode.READDIRPLUS,
      { unique: 10 },
      ...[u64(4), u64(0), u32(4096), new Uint8Array(12)],
    ),
    request(Opcode.GETATTR, { unique: 12 }, u32(0), u32(0), u64(0)),
  );
  await channel.replied(1);
  assert.equal(takeApart(channel.replies[0]).unique, 12n);
  assert.equal(fs.lookups, 0);
  assert.equal(fs.handles.size, 0);
  channel.push(request(Opcode.LOOKUP, { unique: 14 }, "a"));
  await channel.replied(2);
  assert.equal(fs.lookups, 1);
  channel.unmount();
  await done;
});

Deno.test("A reply that the kernel refuses is followed by an error for its caller", async () => {
  const { channel, done } = serve(new MemoryFs());
  channel.writeResults.push(22);
  channel.push(request(Opcode.STATFS, { unique: 2 }));
  await channel.replied(1);
  assert.deepEqual(errorsOf(channel), [-5]);
  channel.unmount();
  await done;
});

Deno.test("FORGET and BATCH_FORGET are passed on exactly and get no reply", async () => {
  const forgotten: number[][] = [];
  const fs = fileSystem({ forget: (ino, count) => void forgotten.push([ino, count]) });
  const { channel, done } = serve(fs);
  channel.push(
    request(Opcode.FORGET, { inode: 7 }, u64(3)),
    request(
      Opcode.BATCH_FORGET,
      {},
      ...[u32(2), u32(0), u64(8), u64(1), u64(2 ** 40), u64(2 ** 33)],
    ),
    request(Opcode.BATCH_FORGET, {}, u32(2), u32(0), u64(9), u64(1)),
  );
  channel.unmount();
  await done;
  assert.deepEqual(forgotten, [[7, 3], [8, 1], [2 ** 40, 2 ** 33], [9, 1]]);
  assert.equal(channel.replies.length, 0);
});

Deno.test("When the mount ends, operations are aborted and the session waits for them", async () => {
  let settled = false;
  const fs = fileSystem({
    fsync: (_ino, _fh, _datasync, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", async () => {
          await undefined;
          settled = true;
          reject(signal.reason);
        });
      }),
  });
  const { channel, done } = serve(fs);
  channel.push(request(Opcode.FSYNC, {}, u64(1), u32(0), u32(0)));
  channel.unmount();
  await done;
  assert.ok(settled);
  assert.equal(channel.replies.length, 0);
});

Deno.test("stop ends a session that waits, and one that is full of writes", async () => {
  const idle = serve(new MemoryFs());
  idle.session.stop();
  await idle.done;
  const fs = fileSystem({
    write: (_ino, _fh, _offset, _data, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  const full = serve(fs);
  for (let index = 0; index < 20; index++) {
    const fields = [u64(1), u64(0), u32(1), new Uint8Array(21)];
    full.channel.push(request(Opcode.WRITE, { unique: 2 * index }, ...fields));
  }
  while (full.session.inFlight < 16) await giveWay();
  full.session.stop();
  await full.done;
  assert.equal(full.session.inFlight, 0);
});

Deno.test("A stream of requests without end does not keep timers from firing", async () => {
  const { channel, done } = serve(new MemoryFs());
  let unique = 2;
  let sent = 0;
  let fired = false;
  setTimeout(() => fired = true, 5);
  const giveUpMs = performance.now() + 5000;
  channel.wait = () => new Promise((resolve) => setTimeout(resolve, 0));
  channel.onEmpty = () => {
    if (fired || performance.now() > giveUpMs) {
      channel.onEmpty = undefined;
      channel.unmount();
      return undefined;
    }
    sent++;
    return request(Opcode.STATFS, { unique: unique += 2 });
  };
  channel.wake();
  await done;
  assert.ok(fired);
  assert.equal(channel.replies.length, sent);
});

Deno.test("While other work waits for the thread, the session does not linger", async () => {
  let busy = true;
  const { channel, done } = serve(new MemoryFs(), { busyElsewhere: () => busy });
  channel.push(request(Opcode.STATFS, { unique: 2 }));
  await channel.replied(1);
  await undefined;
  const readsBusy = channel.reads;
  assert.ok(readsBusy <= 3, `${readsBusy} reads`);
  busy = false;
  channel.push(request(Opcode.STATFS, { unique: 4 }));
  await channel.replied(2);
  channel.unmount();
  await done;
  assert.ok(channel.reads > readsBusy + 3, `${channel.reads} reads`);
});

Deno.test("The largest write fits a request buffer", async () => {
  let length = 0;
  const fs = fileSystem({
    write: (_ino, _fh, _offset, data) => length = data.length,
  });
  const { channel, done } = serve(fs);
  const fields = [u64(1), u64(0), u32(REQUEST_BYTES_MAX), new Uint8Array(20)];
  const head = request(Opcode.WRITE, {}, ...fields);
  const message = new Uint8Array(head.length + REQUEST_BYTES_MAX);
  message.set(head);
  new DataView(message.buffer).setUint32(0, message.length, true);
  channel.push(message);
  await channel.replied(1);
  assert.equal(length, 1 << 20);
  channel.unmount();
  await done;
});

Deno.test("A file system without a method answers ENOSYS", async () => {
  const ino = 1 as InodeNumber;
  const { channel, done } = serve(fileSystem({}));
  for (let opcode = 1; opcode <= 53; opcode++) {
    const own: number[] = [Opcode.INIT, Opcode.INTERRUPT, Opcode.DESTROY, Opcode.NOTIFY_REPLY];
    const silent: number[] = [Opcode.FORGET, Opcode.BATCH_FORGET];
    if (own.includes(opcode) || silent.includes(opcode)) continue;
    const names = new Uint8Array([97, 0, 98, 0, 99, 0]);
    const body = opcode === Opcode.LOOKUP || opcode === Opcode.UNLINK || opcode === Opcode.RMDIR
      ? [names]
      : opcode === Opcode.SYMLINK || opcode === Opcode.REMOVEXATTR
      ? ["a", "b"]
      : opcode === Opcode.WRITE
      ? [new Uint8Array(40)]
      : opcode === Opcode.RENAME || opcode === Opcode.LINK || opcode === Opcode.MKDIR
      ? [u64(0), names]
      : opcode === Opcode.SETATTR
      ? [new Uint8Array(88)]
      : [new Uint8Array(16), names, new Uint8Array(60)];
    channel.push(request(opcode, { unique: opcode * 2, inode: ino }, ...body));
  }
  channel.unmount();
  await done;
  for (const reply of channel.replies.map(takeApart)) {
    assert.equal(reply.error, -38, `opcode ${Number(reply.unique) / 2}`);
  }
  assert.equal(channel.replies.length, 47);
});
