import assert from "node:assert/strict";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  openFdFile,
  openFdFileElsewhere,
  SEEK_DATA,
  SEEK_HOLE,
} from "./fd_file.ts";
import { SystemError } from "./system_error.ts";

function inTemporaryFolder(run: (folder: string) => void | Promise<void>) {
  return async () => {
    const folder = await Deno.makeTempDir({ prefix: "cloudmount-fd-file-" });
    try {
      await run(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
}

function withErrno(errno: string) {
  return (error: unknown) => error instanceof SystemError && error.errno === errno;
}

Deno.test(
  "FdFile writes and reads at offsets, also beyond 4 GiB, and leaves holes",
  inTemporaryFolder((folder) => {
    const path = `${folder}/sparse`;
    const file = openFdFile(path, { create: true, mode: 0o640 });
    const far = 5 * 2 ** 30 + 3;
    file.pwrite(new TextEncoder().encode("hello"), far);
    const target = new Uint8Array(8);
    assert.equal(file.pread(target, far), 5);
    assert.equal(new TextDecoder().decode(target.subarray(0, 5)), "hello");
    assert.equal(file.pread(target.fill(9), 0), 8);
    assert.deepEqual([...target], [0, 0, 0, 0, 0, 0, 0, 0]);
    assert.equal(file.pread(target, far + 5), 0);
    const info = Deno.statSync(path);
    assert.equal(info.size, far + 5);
    assert.equal((info.mode ?? 0) & 0o777, 0o640);
    assert.ok((info.blocks ?? 0) * 512 < 1 << 20);
    file.close();
  }),
);

Deno.test(
  "FdFile writes exactly the bytes of a view into a larger buffer",
  inTemporaryFolder((folder) => {
    const file = openFdFile(`${folder}/x`, { create: true });
    const whole = new Uint8Array(3 << 20).map((_, index) => index % 251);
    file.pwrite(whole.subarray(100, 2 << 20), 7);
    const back = new Uint8Array((2 << 20) + 10);
    assert.equal(file.pread(back.subarray(1), 0), (2 << 20) - 100 + 7);
    assert.deepEqual(back.subarray(8, 8 + (2 << 20) - 100), whole.subarray(100, 2 << 20));
    file.close();
  }),
);

Deno.test(
  "FdFile truncate cuts and extends, and datasync resolves",
  inTemporaryFolder(async (folder) => {
    const file = openFdFile(`${folder}/x`, { create: true });
    file.pwrite(new Uint8Array(100).fill(1), 0);
    file.truncate(10);
    file.truncate(20);
    await file.datasync();
    assert.equal(file.pread(new Uint8Array(50), 0), 20);
    assert.deepEqual(Deno.readFileSync(file.path).subarray(8, 12), new Uint8Array([1, 1, 0, 0]));
    const syncing = file.datasync();
    file.close();
    await syncing;
    assert.throws(() => file.pwrite(new Uint8Array(1), 0), withErrno("EBADF"));
  }),
);

Deno.test(
  "FdFile allocates, keeps the size, punches holes and zeroes a range",
  inTemporaryFolder((folder) => {
    const block = 4096;
    const path = `${folder}/x`;
    const file = openFdFile(path, { create: true });
    file.pwrite(new Uint8Array(4 * block).fill(7), 0);
    const allocated = () => (Deno.statSync(path).blocks ?? 0) * 512;
    file.allocate(FALLOC_FL_KEEP_SIZE, 0, 64 * block);
    assert.equal(file.size(), 4 * block);
    assert.ok(allocated() >= 64 * block);
    file.allocate(0, 0, 5 * block);
    assert.equal(file.size(), 5 * block);
    file.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, block, block);
    const back = new Uint8Array(5 * block);
    assert.equal(file.pread(back, 0), 5 * block);
    assert.deepEqual([...new Set(back.subarray(block, 2 * block))], [0]);
    assert.deepEqual([back[block - 1], back[2 * block]], [7, 7]);
    try {
      file.allocate(FALLOC_FL_ZERO_RANGE, 3 * block, 3 * block);
      file.pread(back, 0);
      assert.deepEqual([back[3 * block - 1], back[3 * block]], [7, 0]);
      assert.equal(file.size(), 6 * block);
    } catch (error) {
      if (!withErrno("ENOTSUP")(error)) throw error; // tmpfs
    }
    assert.throws(() => file.allocate(0, 0, 0), withErrno("EINVAL"));
    file.close();
  }),
);

Deno.test(
  "FdFile seek finds data and holes, also beyond 4 GiB",
  inTemporaryFolder((folder) => {
    const file = openFdFile(`${folder}/x`, { create: true });
    assert.equal(file.size(), 0);
    const far = 5 * 2 ** 30;
    file.pwrite(new Uint8Array(100).fill(1), 0);
    file.pwrite(new Uint8Array(100).fill(1), far);
    assert.equal(file.size(), far + 100);
    assert.equal(file.seek(0, SEEK_DATA), 0);
    const hole = file.seek(0, SEEK_HOLE);
    assert.ok(hole >= 100 && hole <= 1 << 20, `${hole}`);
    assert.equal(file.seek(hole, SEEK_DATA), far);
    assert.equal(file.seek(far, SEEK_HOLE), far + 100);
    assert.throws(() => file.seek(far + 100, SEEK_DATA), withErrno("ENXIO"));
    file.close();
    assert.throws(() => file.size(), withErrno("EBADF"));
  }),
);

Deno.test(
  "An exclusive open makes a new file or fails",
  inTemporaryFolder((folder) => {
    const options = { create: true, exclusive: true };
    openFdFile(`${folder}/x`, options).close();
    assert.throws(() => openFdFile(`${folder}/x`, options), withErrno("EEXIST"));
    openFdFile(`${folder}/x`).close();
  }),
);

Deno.test(
  "FdFile failures carry the errno's name, the call and the path",
  inTemporaryFolder((folder) => {
    assert.throws(
      () => openFdFile(`${folder}/missing`),
      (error) =>
        error instanceof SystemError && error.errno === "ENOENT" && error.syscall === "open" &&
        error.path === `${folder}/missing`,
    );
    assert.throws(() => openFdFile(folder), withErrno("EISDIR"));
    assert.throws(() => openFdFile("a\0b"), TypeError);
    const full = openFdFile("/dev/full");
    assert.throws(() => full.pwrite(new Uint8Array(10), 0), withErrno("ENOSPC"));
    full.close();
  }),
);

Deno.test("openFdFileElsewhere opens and makes files on another thread", async () => {
  const directory = await Deno.makeTempDir();
  try {
    assert.equal(await openFdFileElsewhere(`${directory}/a`), undefined);
    const made = await openFdFileElsewhere(`${directory}/a`, { create: true });
    made!.pwrite(new Uint8Array([7]), 0);
    made!.close();
    const opened = await openFdFileElsewhere(`${directory}/a`);
    assert.equal(opened!.size(), 1);
    opened!.close();
    assert.equal((Deno.statSync(`${directory}/a`).mode ?? 0) & 0o777, 0o600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
