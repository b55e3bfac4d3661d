import assert from "node:assert/strict";
import { fakeConfig, fakeMountConfig } from "../../tests/daemon/fake_backend.ts";
import { isInTheWay, isLiveChange, mountChanges, restartNeeded } from "./config_changes.ts";

Deno.test("Mounts whose settings are the same, in any order, are not among the changes", () => {
  const { name, ...rest } = fakeMountConfig("a");
  const changes = mountChanges([fakeMountConfig("a"), fakeMountConfig("b")], [
    { ...rest, name },
    fakeMountConfig("b", { readOnly: true }),
    fakeMountConfig("c"),
  ]);
  assert.deepEqual(changes.changed.map(({ after }) => after.name), ["b"]);
  assert.deepEqual(changes.added.map(({ name }) => name), ["c"]);
  assert.deepEqual(changes.removed, []);
  assert.deepEqual(mountChanges([fakeMountConfig("a")], []).removed, [fakeMountConfig("a")]);
});

Deno.test("Lifetimes and shares change while a folder is served, its bucket does not", () => {
  const mount = fakeMountConfig("a");
  assert.ok(isLiveChange(mount, { ...mount, metadataTtlMs: 1, cacheSizeBytes: 5 }));
  assert.ok(isLiveChange({ ...mount, cacheSizeBytes: 5 }, mount));
  assert.ok(!isLiveChange(mount, { ...mount, metadataTtlMs: 1, bucket: "other" }));
  assert.ok(!isLiveChange({ ...mount, region: "x" }, mount));
});

Deno.test("A mount is in the way at its place and on its part of the bucket", () => {
  const mount = fakeMountConfig("a");
  assert.ok(isInTheWay(mount, fakeMountConfig("b", { mountPoint: mount.mountPoint })));
  assert.ok(isInTheWay(mount, fakeMountConfig("b", { bucket: mount.bucket })));
  assert.ok(!isInTheWay(mount, fakeMountConfig("b")));
});

Deno.test("Places of the daemon's files wait for a restart, budgets do not", () => {
  const { daemon } = fakeConfig([]);
  assert.deepEqual(
    restartNeeded(daemon, { ...daemon, memoryLimitBytes: 2, cacheSizeBytes: 9 }),
    [],
  );
  assert.deepEqual(restartNeeded(daemon, { ...daemon, socket: "/y" }), ["daemon.socket"]);
  assert.deepEqual(restartNeeded({ ...daemon, cacheSizeBytes: 0 }, daemon), ["daemon.cache_size"]);
});
