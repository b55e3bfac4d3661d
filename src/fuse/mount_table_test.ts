import assert from "node:assert/strict";
import { MountBusyError, MountError } from "./mount_errors.ts";
import { findMount, parseMountTable } from "./mount_table.ts";

Deno.test("The mount table is read with its escapes and optional fields", () => {
  const text = "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n" +
    "42 27 0:39 / /mnt/with\\040blank\\134x rw - fuse.cloudmount cloudmount\\043photos rw\n" +
    "43 27 0:40 / /grüße rw - tmpfs none rw\n\nbroken line\n";
  assert.deepEqual(parseMountTable(text), [
    { device: "254:0", mountPoint: "/", type: "ext4", source: "/dev/vda" },
    {
      device: "0:39",
      mountPoint: "/mnt/with blank\\x",
      type: "fuse.cloudmount",
      source: "cloudmount#photos",
    },
    { device: "0:40", mountPoint: "/grüße", type: "tmpfs", source: "none" },
  ]);
});

Deno.test("The running system's table has a root", async () => {
  assert.ok(await findMount("/"));
  assert.equal(await findMount("/no/such/mount"), undefined);
});

Deno.test("MountBusyError names the holders and what to do", () => {
  const holder = { pid: 7, command: "bash", path: "/m/dir" };
  const error = new MountBusyError("/m", [holder]);
  assert.ok(error instanceof MountError);
  assert.match(error.message, /bash \(pid 7, \/m\/dir\).*--force/);
  assert.match(new MountBusyError("/m", []).message, /another user.*fuser -vm \/m/);
});
