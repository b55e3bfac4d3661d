/** What dead daemons have left at places that the config does not name (any more). */
import type { Config } from "../../config/types.ts";
import { FUSE_SUBTYPE } from "../../fuse/mount_point.ts";
import type { MountEntry } from "../../fuse/mount_table.ts";
import { type Finding, Findings } from "./finding.ts";
import { detachCommand, type mountState } from "./mount_state.ts";

/** `stateOf` tells of one mount; `config` is undefined when it has errors. */
export async function checkStaleMounts(
  config: Config | undefined,
  mounted: readonly MountEntry[],
  stateOf: typeof mountState,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = new Findings();
  const own = new Set(config?.mounts.map(({ mountPoint }) => mountPoint));
  const others = mounted.filter(({ type, mountPoint }) =>
    type === `fuse.${FUSE_SUBTYPE}` && !own.has(mountPoint)
  );
  for (const { mountPoint, source } of others) {
    if (await stateOf(mountPoint, signal) !== "stale") continue;
    findings.warning(
      "stale_mount",
      `${mountPoint} (${source}) is a stale mount: its daemon is gone`,
      "Programs that look into it fail; the config does not name it, so no start mends it",
      detachCommand(mountPoint),
    );
  }
  return findings.list;
}
