import assert from "node:assert/strict";
import { checkMounts } from "./check_mounts.ts";
import { Problems } from "./problems.ts";
import { TomlPositions } from "./toml_positions.ts";
import type { MountConfig } from "./types.ts";

/** The keys and messages of what is wrong between these mounts. */
function check(...mounts: Partial<MountConfig>[]): string[] {
  const problems = new Problems(new TomlPositions(""));
  const daemon = {
    stateDir: "/state/cloudmount",
    cacheDir: "/cache/cloudmount",
    socket: "/run/cloudmount/control.sock",
  };
  checkMounts(mounts.map((values, index) => ({ index, values })), daemon, problems);
  return problems.found.map(({ key, message }) => `${key}: ${message}`);
}

Deno.test("Mounts that have nothing in common are right", () => {
  const none = check(
    { name: "a", bucket: "one", prefix: "", mountPoint: "/mnt/a" },
    { name: "b", bucket: "two", prefix: "", mountPoint: "/mnt/ab" },
    { name: "c", bucket: "Two", endpoint: "https://other", prefix: "", mountPoint: "/mnt/c" },
  );
  assert.deepEqual(none, []);
});

Deno.test("One bucket may be mounted in parts, at two services, or once to read", () => {
  const base = { bucket: "one" };
  assert.deepEqual(check({ ...base, prefix: "a/" }, { ...base, prefix: "ab/" }), []);
  assert.deepEqual(check(base, { ...base, endpoint: "https://other" }), []);
  assert.deepEqual(check(base, { ...base, prefix: "a/", readOnly: true }), []);
  assert.equal(check(base, { ...base, prefix: "a/" }).length, 1);
  assert.equal(check({ ...base, prefix: "a/" }, base).length, 1);
});

Deno.test("Each clash of three mounts is told", () => {
  const same = { name: "a", bucket: "one", mountPoint: "/mnt/a" };
  assert.equal(check(same, same, same).length, 9);
});

Deno.test("What could not be read clashes with nothing", () => {
  assert.deepEqual(check({}, {}, { name: "a" }), []);
});

Deno.test("Mounts that would cover the daemon's own files are refused", () => {
  assert.equal(check({ mountPoint: "/state" }).length, 1);
  assert.equal(check({ mountPoint: "/cache/cloudmount" }).length, 1);
  assert.equal(check({ mountPoint: "/run/cloudmount" }).length, 1);
  assert.deepEqual(check({ mountPoint: "/state/cloudmount-photos" }), []);
});

Deno.test("Amazon's own endpoints have Amazon's rules for bucket names", () => {
  const endpoint = "https://s3.eu-central-1.amazonaws.com";
  assert.equal(check({ bucket: "My_Bucket", endpoint }).length, 1);
  assert.deepEqual(check({ bucket: "My_Bucket", endpoint: "https://amazonaws.com.example" }), []);
});
