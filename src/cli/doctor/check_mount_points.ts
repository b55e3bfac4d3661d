/** Whether the mount points of the config can be used. Nothing that is served is touched. */
import { dirname } from "node:path";
import type { MountConfig } from "../../config/types.ts";
import { FUSE_SUBTYPE } from "../../fuse/mount_point.ts";
import type { MountEntry } from "../../fuse/mount_table.ts";
import { type Finding, Findings } from "./finding.ts";
import { detachCommand, mountState } from "./mount_state.ts";

const WHY = "The mount cannot be started";

/** `mounted` is the mount table, `served` the names of mounts that the daemon serves. */
export async function checkMountPoint(
  { name, mountPoint }: MountConfig,
  mounted: readonly MountEntry[],
  served: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = new Findings(name);
  if (served.has(name)) {
    findings.ok("mount_point", `${mountPoint} is mounted`);
    return findings.list;
  }
  const entry = mounted.findLast((entry) => entry.mountPoint === mountPoint);
  if (entry !== undefined) await checkMounted(mountPoint, entry, findings, signal);
  else await checkFolder(mountPoint, findings);
  return findings.list;
}

async function checkMounted(
  mountPoint: string,
  { type, source }: MountEntry,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  if (type !== `fuse.${FUSE_SUBTYPE}`) {
    const message = `${mountPoint}: "${source}" (${type}) is mounted there`;
    return findings.error("mount_point", message, WHY, "Choose another mount_point, or unmount it");
  }
  const state = await mountState(mountPoint, signal);
  if (state === "answers") {
    const message = `${mountPoint} is served by another daemon`;
    const fix = "End that daemon: cloudmount stop, with its --config";
    return findings.warning("mount_point", message, WHY, fix);
  }
  const message = state === "stale"
    ? `${mountPoint} is a stale mount: its daemon is gone`
    : `${mountPoint} is mounted and does not answer`;
  const why = "Programs that look into it fail or hang. The next start of the mount mends it";
  findings.error("mount_point", message, why, detachCommand(mountPoint));
}

async function checkFolder(mountPoint: string, findings: Findings): Promise<void> {
  const info = await Deno.stat(mountPoint).catch((error: unknown) => error);
  if (info instanceof Deno.errors.NotFound) return await checkParent(mountPoint, findings);
  if (info instanceof Error) {
    const fix = `Look at it: ls -ld "${mountPoint}"`;
    return findings.failed("mount_point", info, WHY, fix);
  }
  if (!(info as Deno.FileInfo).isDirectory) {
    const message = `${mountPoint} is no folder`;
    return findings.error("mount_point", message, WHY, "Remove it, or choose another mount_point");
  }
  for await (const entry of Deno.readDir(mountPoint)) {
    return findings.error(
      "mount_point",
      `${mountPoint} is not empty: it holds "${entry.name}"`,
      `${WHY}: what is there would be hidden`,
      "Move what is in it away, or choose another mount_point",
    );
  }
  findings.ok("mount_point", `${mountPoint} is an empty folder`);
}

/** The folder is made at the mount's start, in the nearest folder that is there. */
async function checkParent(mountPoint: string, findings: Findings): Promise<void> {
  let parent = dirname(mountPoint);
  for (;;) {
    const info = await Deno.stat(parent).catch(() => undefined);
    if (info !== undefined || parent === "/") break;
    parent = dirname(parent);
  }
  try {
    const trial = await Deno.makeTempDir({ dir: parent, prefix: ".cloudmount-doctor-" });
    await Deno.remove(trial);
    findings.ok("mount_point", `${mountPoint} can be made`);
  } catch (error) {
    const fix = `Choose another mount_point, or: sudo install -d -o "$USER" "${mountPoint}"`;
    findings.failed("mount_point", error, WHY, fix);
  }
}
