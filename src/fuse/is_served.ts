/** Whether the daemon behind a mount lives. */

/** Longer than any name (NAME_MAX of Linux). */
const TOO_LONG = 256;

/**
 * False when the daemon behind what is mounted at `mountPoint` is dead: then, and only then, the kernel
 * answers ENOTCONN to what it has to ask it. A name is; the root's attributes it may know itself for a
 * while yet. A name that is too long costs whoever serves nothing. A daemon that hangs never answers: the
 * caller sets a limit. Rejects with what a file system that answers should not say.
 */
export async function isServed(mountPoint: string): Promise<boolean> {
  const name = crypto.randomUUID().padEnd(TOO_LONG, "-");
  try {
    await Deno.lstat(`${mountPoint}/${name}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotConnected) return false;
    if ((error as { code?: unknown }).code === "ENAMETOOLONG") return true;
    throw error;
  }
}
