/** A file that holds room on the disk, to be given away when the disk is full. */
import { ifThereSync } from "../base/if_there.ts";

/** The log is folded at 4 MiB (1000 pages, SQLite's default), and then the database may grow by as much. */
const BALLAST_BYTES = 4 * 2 ** 20;

/** Makes the file if it is not there. Throws when the disk has no room for it. */
export function takeBallast(path: string): void {
  if (ifThereSync(() => Deno.lstatSync(path))?.size === BALLAST_BYTES) return;
  try {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 });
    // Zeros would take no room on a file system that compresses.
    const noise = crypto.getRandomValues(new Uint8Array(65_536));
    for (let size = 0; size < BALLAST_BYTES;) {
      size += file.writeSync(noise.subarray(0, BALLAST_BYTES - size));
    }
    file.syncSync();
  } catch (error) {
    dropBallast(path);
    throw error;
  }
}

export function dropBallast(path: string): void {
  ifThereSync(() => Deno.removeSync(path));
}
