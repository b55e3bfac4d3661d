import assert from "node:assert/strict";
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { mountFileSystem, unmountElsewhere } from "./mount_calls.ts";
import { SystemError } from "./system_error.ts";

Deno.test("A failed call leaves its error number", () => {
  assert.equal(libc().close(-1), -1);
  assert.equal(lastErrno(), 9);
  assert.equal(libc().open(cString("/no/such/file"), 0, 0), -1);
  assert.equal(lastErrno(), 2);
});

Deno.test("cString is UTF-8 with a final NUL, and refuses one inside", () => {
  assert.deepEqual([...cString("aü")], [97, 0xc3, 0xbc, 0]);
  assert.throws(() => cString("a\0b"), TypeError);
});

Deno.test("Mounting at a missing folder and unmounting no mount fail", async () => {
  assert.throws(
    () => mountFileSystem("none", "/no/such/folder", "tmpfs", 0, ""),
    (error) =>
      error instanceof SystemError && error.syscall === "mount" &&
      ["ENOENT", "EPERM"].includes(error.errno) && error.path === "/no/such/folder",
  );
  assert.equal(await unmountElsewhere("/no/such/folder", true), false);
});
