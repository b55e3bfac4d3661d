import assert from "node:assert/strict";
import { syncDirectory } from "./sync_directory.ts";
import { SystemError } from "./system_error.ts";

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("syncDirectory syncs a directory and leaves nothing open", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-sync-" });
  try {
    await Deno.writeTextFile(`${folder}/new`, "x");
    const before = openDescriptors();
    await Promise.all(Array.from({ length: 4 }, () => syncDirectory(folder)));
    assert.equal(openDescriptors(), before);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("syncDirectory fails where there is none, and where nothing can be synced", async () => {
  const withErrno = (errno: string) => (error: unknown) =>
    error instanceof SystemError && error.errno === errno;
  await assert.rejects(syncDirectory("/no/such/folder"), withErrno("ENOENT"));
  // fsync(2): EINVAL, of which the other thread tells nothing.
  await assert.rejects(syncDirectory("/dev/null"), withErrno("EIO"));
});
