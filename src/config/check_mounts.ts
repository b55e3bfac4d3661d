/** What is wrong between mounts, though each is right alone. */
import { awsBucketProblem } from "./mount_kinds.ts";
import { quoted } from "./kinds.ts";
import { isWithin } from "./paths.ts";
import type { Problems } from "./problems.ts";
import type { DaemonConfig, MountConfig } from "./types.ts";

/** A mount with defaults merged in; what was wrong is missing. `index` counts in the file. */
export interface ReadMount {
  readonly index: number;
  readonly values: Partial<MountConfig>;
}

/** Checks all pairs; there are at most 256 mounts. */
export function checkMounts(
  mounts: readonly ReadMount[],
  daemon: Partial<DaemonConfig>,
  problems: Problems,
): void {
  mounts.forEach((mount, at) => {
    checkBucket(mount, problems);
    checkDaemonPaths(mount, daemon, problems);
    for (const earlier of mounts.slice(0, at)) {
      checkNames(mount, earlier, problems);
      checkMountPoints(mount, earlier, problems);
      checkKeys(mount, earlier, problems);
    }
  });
}

function checkBucket({ index, values }: ReadMount, problems: Problems): void {
  const { bucket, endpoint } = values;
  const isAws = endpoint === undefined || new URL(endpoint).hostname.endsWith(".amazonaws.com");
  const problem = bucket !== undefined && isAws ? awsBucketProblem(bucket) : undefined;
  if (problem !== undefined) {
    problems.add(
      ["mount", index, "bucket"],
      `${quoted(bucket!)} ${problem}: Amazon S3 has no such bucket`,
      "another service needs its endpoint",
    );
  }
}

function checkDaemonPaths(
  { index, values }: ReadMount,
  daemon: Partial<DaemonConfig>,
  problems: Problems,
): void {
  const { mountPoint } = values;
  if (mountPoint === undefined) return;
  const inside = (what: string, path: string | undefined) => {
    if (path === undefined || !isWithin(path, mountPoint)) return;
    problems.add(
      ["mount", index, "mount_point"],
      `${what} ${quoted(path)} would lie inside the mount`,
      "choose another mount_point, or move it with [daemon]",
    );
  };
  inside("the state directory", daemon.stateDir);
  inside("the cache directory", daemon.cacheDir);
  inside("the control socket", daemon.socket);
}

function checkNames(mount: ReadMount, earlier: ReadMount, problems: Problems): void {
  const { name } = mount.values;
  if (name === undefined || name !== earlier.values.name) return;
  problems.add(
    ["mount", mount.index, "name"],
    `${quoted(name)} is already the name of another mount`,
  );
}

function checkMountPoints(mount: ReadMount, earlier: ReadMount, problems: Problems): void {
  const { mountPoint } = mount.values;
  const other = earlier.values.mountPoint;
  if (mountPoint === undefined || other === undefined) return;
  const path = ["mount", mount.index, "mount_point"];
  const who = describe(earlier);
  if (mountPoint === other) problems.add(path, `${quoted(mountPoint)} is already used by ${who}`);
  else if (isWithin(mountPoint, other)) {
    problems.add(path, `${quoted(mountPoint)} lies inside ${quoted(other)} of ${who}`);
  } else if (isWithin(other, mountPoint)) {
    problems.add(path, `${quoted(mountPoint)} would cover ${quoted(other)} of ${who}`);
  }
}

/** Two writers of the same keys in one process would not see each other's changes in time. */
function checkKeys(mount: ReadMount, earlier: ReadMount, problems: Problems): void {
  const { bucket, endpoint, prefix = "", readOnly } = mount.values;
  const other = earlier.values;
  if (bucket === undefined || bucket !== other.bucket || endpoint !== other.endpoint) return;
  if (readOnly || other.readOnly) return;
  const otherPrefix = other.prefix ?? "";
  if (!prefix.startsWith(otherPrefix) && !otherPrefix.startsWith(prefix)) return;
  problems.add(
    ["mount", mount.index, "bucket"],
    `${quoted(`${bucket}/${prefix}`)} is mounted writable by ${describe(earlier)} too`,
    "set read_only = true in one of them, or choose prefixes that do not overlap",
  );
}

function describe({ index, values }: ReadMount): string {
  return values.name === undefined ? `mount[${index}]` : `mount ${quoted(values.name)}`;
}
