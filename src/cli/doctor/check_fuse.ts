/** Whether this user can mount on this machine. */
import type { Config } from "../../config/types.ts";
import { type Finding, Findings } from "./finding.ts";

const WHY = "Without it no folder can be shown";

export interface FusePlaces {
  readonly device: string;
  readonly settings: string;
  /** Folders of programs. */
  readonly programs: readonly string[];
  readonly uid: number;
}

/** `searchPath` is $PATH. */
export function linuxFusePlaces(searchPath: string, uid: number): FusePlaces {
  return {
    device: "/dev/fuse",
    settings: "/etc/fuse.conf",
    programs: ["/usr/bin", "/bin", ...searchPath.split(":").filter((folder) => folder !== "")],
    uid,
  };
}

/** On Linux. `config` is undefined when it has errors. */
export async function checkFuse(
  places: FusePlaces,
  config: Config | undefined,
): Promise<readonly Finding[]> {
  const findings = new Findings();
  await checkDevice(places.device, findings);
  if (places.uid !== 0) {
    await checkHelper(places.programs, findings);
    const open = config?.mounts.filter(({ allowOther }) => allowOther) ?? [];
    if (open.length > 0) await checkAllowOther(places.settings, open[0]!.name, findings);
  }
  return findings.list;
}

async function checkDevice(device: string, findings: Findings): Promise<void> {
  try {
    (await Deno.open(device, { read: true, write: true })).close();
    findings.ok("fuse", `${device} can be opened`);
  } catch (error) {
    const [message, fix] = error instanceof Deno.errors.NotFound
      ? ["is missing", "sudo modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN"]
      : [`cannot be opened by this user${await modeOf(device)}`, `sudo chmod 666 ${device}`];
    findings.error("fuse", `${device} ${message}`, WHY, fix);
  }
}

/** In words for a message; "" when it cannot be told. */
async function modeOf(path: string): Promise<string> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info?.mode === undefined || info.mode === null) return "";
  const mode = (info.mode & 0o7777).toString(8).padStart(4, "0");
  return ` (mode ${mode} of user ${info.uid} and group ${info.gid})`;
}

async function checkHelper(folders: readonly string[], findings: Findings): Promise<void> {
  for (const folder of folders) {
    const path = `${folder}/fusermount3`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile !== true) continue;
    const isSetuid = info.uid === 0 && ((info.mode ?? 0) & 0o4000) !== 0;
    if (isSetuid) return findings.ok("fuse.helper", `${path} mounts for ordinary users`);
    return findings.error(
      "fuse.helper",
      `${path} is not setuid root`,
      "It mounts for ordinary users, and then may not",
      `sudo chown root ${path} && sudo chmod u+s ${path}`,
    );
  }
  const fix = "sudo apt install fuse3 (or: dnf install fuse3, pacman -S fuse3)";
  findings.error("fuse.helper", "fusermount3 is not installed", WHY, fix);
}

async function checkAllowOther(
  settings: string,
  mount: string,
  findings: Findings,
): Promise<void> {
  const text = await Deno.readTextFile(settings).catch(() => "");
  if (/^\s*user_allow_other\b/m.test(text)) {
    return findings.ok("fuse.allow_other", `${settings} lets users share their folders`);
  }
  findings.error(
    "fuse.allow_other",
    `${settings} does not let users share their folders`,
    `"${mount}" has allow_other = true and cannot be mounted`,
    `echo user_allow_other | sudo tee -a ${settings}`,
  );
}
