/** Status documents. */
import type { MountStatus, StatusDocument } from "../../src/control/protocol.ts";
import { fakeMountConfig, fakeReport } from "./fake_backend.ts";

/** Of a daemon with mounts that differ from one that is well as given. */
export function fakeStatus(
  mounts: readonly Partial<MountStatus>[],
  problems: readonly string[] = [],
): StatusDocument {
  return {
    version: "1.2.3",
    pid: 7,
    uptime_seconds: 90,
    healthy: true,
    config_path: "/c",
    config_error: null,
    memory: { used_bytes: 1024, limit_bytes: 2048, rss_bytes: 4096, heap_bytes: 3072 },
    cache: { used_bytes: 0, limit_bytes: 0, hit_rate: null },
    connections: { in_use: 1, limit: 64 },
    problems,
    mounts: mounts.map((mount) => fakeMountStatus("photos", mount)),
  };
}

/** Of a mount that is well but for `more`. */
export function fakeMountStatus(name: string, more: Partial<MountStatus> = {}): MountStatus {
  const { bucket, prefix, mountPoint } = fakeMountConfig(name);
  return {
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
    ...more,
  };
}
