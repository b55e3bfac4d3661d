/** What a config asks for beyond the one in use. */
import { DAEMON_KEYS } from "../config/schema.ts";
import type { DaemonConfig, MountConfig } from "../config/types.ts";
import { isWithin } from "../config/paths.ts";
import { volumeOf } from "../wiring/volume_name.ts";

/** Settings of a mount that take effect while its folder is served. */
const LIVE: ReadonlySet<keyof MountConfig> = new Set([
  "autoMount",
  "metadataTtlMs",
  "cacheSizeBytes",
]);

/** Mounts by what is to become of them. */
export interface MountChanges {
  readonly added: readonly MountConfig[];
  readonly removed: readonly MountConfig[];
  readonly changed: readonly { readonly before: MountConfig; readonly after: MountConfig }[];
}

export function mountChanges(
  before: readonly MountConfig[],
  after: readonly MountConfig[],
): MountChanges {
  const find = (mounts: readonly MountConfig[], { name }: MountConfig) =>
    mounts.find((mount) => mount.name === name);
  return {
    added: after.filter((mount) => find(before, mount) === undefined),
    removed: before.filter((mount) => find(after, mount) === undefined),
    changed: after.flatMap((mount) => {
      const old = find(before, mount);
      return old === undefined || isSame(old, mount) ? [] : [{ before: old, after: mount }];
    }),
  };
}

/** Whether the folder can go on being served while its settings change. */
export function isLiveChange(before: MountConfig, after: MountConfig): boolean {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof MountConfig>;
  return [...keys].every((key) => LIVE.has(key) || isSame(before[key], after[key]));
}

/** Whether one mount can only come when the other one has gone. */
export function isInTheWay(old: MountConfig, next: MountConfig): boolean {
  return isWithin(old.mountPoint, next.mountPoint) || isWithin(next.mountPoint, old.mountPoint) ||
    volumeOf(old) === volumeOf(next);
}

/** Keys of [daemon] whose new values wait for the next start. */
export function restartNeeded(before: DaemonConfig, after: DaemonConfig): string[] {
  const fields: (keyof DaemonConfig)[] = ["stateDir", "cacheDir", "socket"];
  // Without a cache on disk at the start there is none to be given room.
  if (before.cacheSizeBytes === 0) fields.push("cacheSizeBytes");
  return fields.filter((field) => before[field] !== after[field])
    .map((field) => `daemon.${DAEMON_KEYS[field].key}`);
}

function isSame(one: unknown, other: unknown): boolean {
  return sorted(one) === sorted(other);
}

/** JSON with keys in order: those that were written come in the order of the file. */
function sorted(value: unknown): string | undefined {
  return JSON.stringify(
    value,
    (_, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  );
}
