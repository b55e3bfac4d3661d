/** Makes a folder ready to be mounted on. */
import type { Clock } from "../base/clock.ts";
import { ifThere } from "../base/if_there.ts";
import { messageOf } from "../base/message_of.ts";
import { Deadline } from "./deadline.ts";
import { isServed } from "./is_served.ts";
import { MountError } from "./mount_errors.ts";
import { findMount, type MountEntry } from "./mount_table.ts";

/** How our mounts are called in the mount table. */
export const SOURCE_PREFIX = "cloudmount#";
export const FUSE_SUBTYPE = "cloudmount";

/** How long another daemon's mount gets to show that it is alive. */
const ANSWER_MS = 3000;
/** Mounts of dead daemons on top of one another. */
const LEFTOVERS_MAX = 16;

/**
 * Makes the folder if it is missing, removes what a dead daemon left mounted there, and checks that it
 * is empty. Returns its path without symbolic links. Throws `MountError`.
 */
export async function prepareMountPoint(
  path: string,
  detach: (mountPoint: string) => Promise<void>,
  clock: Clock,
): Promise<string> {
  const mountPoint = await pathOfMount(path);
  await removeLeftovers(mountPoint, detach, clock);
  try {
    await Deno.mkdir(mountPoint);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.AlreadyExists)) throw cannot(mountPoint, cause);
  }
  try {
    for await (const entry of Deno.readDir(mountPoint)) {
      throw new MountError(
        `Cannot mount at "${mountPoint}": the folder is not empty (it holds "${entry.name}"); ` +
          "empty it or choose another mount point",
      );
    }
  } catch (cause) {
    throw cause instanceof MountError ? cause : cannot(mountPoint, cause);
  }
  return mountPoint;
}

/** `path` without symbolic links, and the folders above it made, without touching what is mounted there. */
export async function pathOfMount(path: string): Promise<string> {
  const trimmed = path.replace(/\/+$/, "");
  const cut = trimmed.lastIndexOf("/");
  const name = trimmed.slice(cut + 1);
  if (!trimmed.startsWith("/") || name === "." || name === "..") {
    throw new MountError(`Cannot mount at "${path}": the mount point must be an absolute path`);
  }
  const folder = trimmed.slice(0, cut) || "/";
  try {
    await Deno.mkdir(folder, { recursive: true });
    const real = await Deno.realPath(folder);
    const mountPoint = real === "/" ? `/${name}` : `${real}/${name}`;
    if (await findMount(mountPoint) !== undefined) return mountPoint;
    return await isSymlink(mountPoint) ? await Deno.realPath(mountPoint) : mountPoint;
  } catch (cause) {
    throw cannot(path, cause);
  }
}

async function isSymlink(path: string): Promise<boolean> {
  return (await ifThere(Deno.lstat(path)))?.isSymlink ?? false;
}

/**
 * Has what dead daemons left mounted at `mountPoint` detached; true when there was something. Throws
 * `MountError` when something else is mounted there, or what is there is served.
 */
export async function removeLeftovers(
  mountPoint: string,
  detach: (mountPoint: string) => Promise<void>,
  clock: Clock,
): Promise<boolean> {
  for (let round = 0; round < LEFTOVERS_MAX; round++) {
    const mounted = await findMount(mountPoint);
    if (mounted === undefined) return round > 0;
    if (!isOurs(mounted)) {
      throw new MountError(
        `Cannot mount at "${mountPoint}": "${mounted.source}" (${mounted.type}) is mounted there; ` +
          "unmount it or choose another mount point",
      );
    }
    await requireDead(mountPoint, mounted, clock);
    await detach(mountPoint);
  }
  throw new MountError(`Cannot mount at "${mountPoint}": what is mounted there cannot be removed`);
}

function isOurs(mounted: MountEntry): boolean {
  return mounted.type === `fuse.${FUSE_SUBTYPE}` && mounted.source.startsWith(SOURCE_PREFIX);
}

/** Returns when the daemon behind `mounted` is dead. */
async function requireDead(mountPoint: string, mounted: MountEntry, clock: Clock): Promise<void> {
  const answer = isServed(mountPoint).then((served) => served ? "it is served" : undefined, String);
  const silence = new Error("it does not answer");
  const state = await new Deadline(ANSWER_MS, silence, clock).bound(answer)
    .catch(() => silence.message);
  if (state === undefined) return;
  const bucket = mounted.source.slice(SOURCE_PREFIX.length);
  throw new MountError(
    `Cannot mount at "${mountPoint}": another cloudmount has "${bucket}" mounted there (${state}); ` +
      `unmount it first: fusermount3 -u "${mountPoint}" (with -z if it hangs)`,
  );
}

function cannot(path: string, cause: unknown): MountError {
  const reason = messageOf(cause);
  return new MountError(`Cannot mount at "${path}": ${reason}`, { cause });
}
