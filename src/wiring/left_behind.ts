/**
 * What an earlier run has left in the journal for buckets that this one does not mount by itself: it
 * would wait there unseen.
 */
import type { MountConfig } from "../config/types.ts";
import type { JournalCount } from "../journal/connection.ts";
import { CHANGE } from "../vfs/change_record.ts";
import { volumeOf } from "./volume_name.ts";

/** What of one volume waits. */
export interface LeftBehind {
  readonly volume: string;
  /** For people: what, and what to do. */
  readonly line: string;
}

/** `counts` is what the journal has when the daemon starts. */
export function leftBehind(
  counts: readonly JournalCount[],
  mounts: readonly MountConfig[],
): LeftBehind[] {
  const found: LeftBehind[] = [];
  for (const { volume, kind, count } of counts) {
    if (kind !== CHANGE) continue;
    const mount = mounts.find((mount) => volumeOf(mount) === volume);
    if (mount?.enabled === true && mount.autoMount) continue;
    const names = count === 1 ? "1 name" : `${count} names`;
    found.push({
      volume,
      line: `${names} changed in "${volume}" (endpoint/bucket/prefix) and not in S3 yet: ` +
        `kept in the journal; ${remedy(mount)}`,
    });
  }
  return found;
}

function remedy(mount: MountConfig | undefined): string {
  if (mount === undefined) {
    return "to bring that to S3, add a [[mount]] of this endpoint, bucket and prefix to the config";
  }
  if (mount.enabled) return `to bring that to S3: cloudmount mount ${mount.name}`;
  return `to bring that to S3, set enabled = true for "${mount.name}" in the config`;
}
