import assert from "node:assert/strict";
import { fakeMountConfig, fakeReport } from "../../../tests/daemon/fake_backend.ts";
import type { MountStatus, StatusDocument } from "../../control/protocol.ts";
import { PLAIN } from "../style.ts";
import { statusText } from "./status.ts";

function document(mounts: readonly Partial<MountStatus>[]): StatusDocument {
  const { name, bucket, prefix, mountPoint } = fakeMountConfig("photos");
  return {
    version: "1.2.3",
    pid: 7,
    uptime_seconds: 90,
    healthy: true,
    config_path: "/c",
    memory: { used_bytes: 1024, limit_bytes: 2048, rss_bytes: 4096 },
    cache: { used_bytes: 0, limit_bytes: 0, hit_rate: null },
    connections: { in_use: 1, limit: 64 },
    mounts: mounts.map((mount) => ({
      id: name,
      name,
      bucket,
      prefix,
      endpoint: null,
      mount_point: mountPoint,
      read_only: false,
      enabled: true,
      auto_mount: true,
      state: "mounted",
      error: null,
      ...fakeReport(),
      ...mount,
    })),
  };
}

Deno.test("The status table shows each mount in a line and what is wrong below", () => {
  const text = statusText(
    document([
      { prefix: "2026/", ...fakeReport(2) },
      {
        name: "docs",
        state: "failed",
        error: { message: "No such bucket", hint: "Create it", since: "2026-11-01T00:00:00.000Z" },
      },
    ]),
    PLAIN,
  );
  assert.equal(
    text,
    `Cloudmount 1.2.3, pid 7, up 1 min, memory 1 KiB of 2 KiB (process 4 KiB), connections 1 of 64

NAME    STATE    BUCKET               MOUNT POINT      NOT YET IN S3
photos  mounted  photos-bucket/2026/  /nowhere/photos  2 files, 20 B
docs    failed   photos-bucket        /nowhere/photos  -

docs: No such bucket. Create it (since 2026-11-01T00:00:00.000Z)`,
  );
});

Deno.test("The status of a daemon without mounts says so", () => {
  assert.match(statusText(document([]), PLAIN), /The config lists no mounts/);
});
