/**
 * Finds the processes that use a mount, from the texts of links and maps in /proc: none of it enters
 * the mount. All asynchronous, for a process that waits for this very mount can make reading its maps
 * wait too.
 */
import type { MountHolder } from "./mount_errors.ts";

/** Enough to act upon. */
const HOLDERS_MAX = 10;

export async function findHolders(mountPoint: string): Promise<MountHolder[]> {
  const holders: MountHolder[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const path = await pathWithin(`/proc/${name}`, mountPoint);
    if (path === undefined) continue;
    holders.push({ pid: Number(name), command: await commandOf(name), path });
    if (holders.length === HOLDERS_MAX) break;
  }
  return holders;
}

/** A path that the process uses at or below `mountPoint`. */
async function pathWithin(proc: string, mountPoint: string): Promise<string | undefined> {
  const inside = (path: string | undefined): path is string =>
    path !== undefined && (path === mountPoint || path.startsWith(mountPoint + "/"));
  for (const link of ["cwd", "root", "exe"]) {
    const path = await linkText(`${proc}/${link}`);
    if (inside(path)) return path;
  }
  try {
    for await (const { name } of Deno.readDir(`${proc}/fd`)) {
      const path = await linkText(`${proc}/fd/${name}`);
      if (inside(path)) return path;
    }
    const maps = await Deno.readTextFile(`${proc}/maps`);
    return maps.split("\n").map((line) => / (\/.*)$/.exec(line)?.[1]).find(inside);
  } catch {
    return undefined; // It ended meanwhile, or belongs to somebody else.
  }
}

async function linkText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readLink(path);
  } catch {
    return undefined;
  }
}

async function commandOf(pid: string): Promise<string> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/comm`)).trim();
  } catch {
    return "unknown";
  }
}
