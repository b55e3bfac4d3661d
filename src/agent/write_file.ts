/** A small file that is there as a whole or not at all. */
import { dirname } from "node:path";
import { ifThere } from "../base/if_there.ts";

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
export function readIfThere(path: string): Promise<string | undefined> {
  return ifThere(Deno.readTextFile(path));
}

/** Removes a file; true when it was there. */
export async function removeIfThere(path: string): Promise<boolean> {
  return await ifThere(Deno.remove(path).then(() => true)) ?? false;
}
