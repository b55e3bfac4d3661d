import assert from "node:assert/strict";
import { tryLockFile } from "./file_lock.ts";
import { SystemError } from "./system_error.ts";

Deno.test("tryLockFile gives the lock to one holder until it is released", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cloudmount-lock-" });
  try {
    const path = `${folder}/daemon.lock`;
    const lock = tryLockFile(path);
    assert.ok(lock);
    assert.equal(tryLockFile(path), undefined);
    lock.release();
    lock.release();
    const again = tryLockFile(path);
    assert.ok(again);
    again.release();
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tryLockFile tells which file it cannot open", () => {
  assert.throws(
    () => tryLockFile("/nowhere/at/all"),
    (error) =>
      error instanceof SystemError && error.errno === "ENOENT" && /\/nowhere/.test(error.message),
  );
});
