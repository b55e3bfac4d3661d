/** A small file that is there as a whole or not at all. */
import { dirname } from "node:path";

/** Writes `text` to `path` unless it is there already; true when it was written. Makes the folders. */
export async function writeIfChanged(path: string, text: string): Promise<boolean> {
  if (await readIfThere(path) === text) return false;
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.new`;
  await Deno.writeTextFile(temporary, text);
  // Readable for the service manager, whatever the umask; launchd refuses what others may write.
  await Deno.chmod(temporary, 0o644);
  await Deno.rename(temporary, path);
  return true;
}

/** The text of a file; undefined when it is missing. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes a file; true when it was there. */
export async function removeIfThere(path: string): Promise<boolean> {
  try {
    await Deno.remove(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
