import assert from "node:assert/strict";
import { openFdFile } from "./fd_file.ts";
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
