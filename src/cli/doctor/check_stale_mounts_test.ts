import assert from "node:assert/strict";
import { fakeMountConfig } from "../../../tests/daemon/fake_backend.ts";
import type { Config } from "../../config/types.ts";
import { checkStaleMounts } from "./check_stale_mounts.ts";
import type { MountState } from "./mount_state.ts";

const calm = new AbortController().signal;

Deno.test("A stale mount that the config does not name is found, with the command that clears it", async () => {
  const config: Config = {
    path: "/x",
    daemon: {} as Config["daemon"],
    mounts: [fakeMountConfig("photos", { mountPoint: "/mnt/own" })],
  };
  const states: Record<string, MountState> = {
    "/mnt/dead": "stale",
    "/mnt/alive": "answers",
    "/mnt/slow": "silent",
  };
  const entry = (mountPoint: string, type = "fuse.cloudmount") => ({
    device: "0:1",
    mountPoint,
    type,
    source: "cloudmount#old",
  });
  const asked: string[] = [];
  const found = await checkStaleMounts(
    config,
    [...["/mnt/own", ...Object.keys(states)].map((path) => entry(path)), entry("/mnt/x", "ext4")],
    (path) => {
      asked.push(path);
      return Promise.resolve(states[path]!);
    },
    calm,
  );
  assert.deepEqual(asked, Object.keys(states));
  assert.deepEqual(found.map(({ status, message, fix }) => [status, message, fix]), [[
    "warning",
    "/mnt/dead (cloudmount#old) is a stale mount: its daemon is gone",
    'fusermount3 -u -z "/mnt/dead" (as root: umount -l "/mnt/dead")',
  ]]);
});
