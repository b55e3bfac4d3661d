/** What is mounted where: /proc/self/mountinfo (proc_pid_mountinfo(5)). Reading it asks no file system. */

export interface MountEntry {
  /** `major:minor` of the files' device. */
  readonly device: string;
  readonly mountPoint: string;
  /** For example "fuse.cloudmount". */
  readonly type: string;
  readonly source: string;
}

/** The uppermost mount at exactly `mountPoint`. */
export async function findMount(mountPoint: string): Promise<MountEntry | undefined> {
  const table = parseMountTable(await Deno.readTextFile("/proc/self/mountinfo"));
  return table.findLast((entry) => entry.mountPoint === mountPoint);
}

export function parseMountTable(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const [mount, superBlock] = line.split(" - ", 2);
    const [, , device, , mountPoint] = (mount ?? "").split(" ");
    const [type, source] = (superBlock ?? "").split(" ");
    if (device === undefined || mountPoint === undefined) continue;
    if (type === undefined || source === undefined) continue;
    entries.push({ device, mountPoint: unescape(mountPoint), type, source: unescape(source) });
  }
  return entries;
}

/** Blanks, backslashes and "#" appear as three octal digits; other bytes are UTF-8 as they are. */
function unescape(text: string): string {
  return text.replace(
    /\\([0-7]{3})/g,
    (_, digits: string) => String.fromCharCode(parseInt(digits, 8)),
  );
}
