/**
 * Room for the journal's log, made before it is needed. While a file grows, each sync of it has to store
 * its new size too, which takes twice as long; SQLite overwrites the log from its start once it has been
 * folded into the database, but a new one grows to its whole size first.
 */
import { statfsSync } from "node:fs";

/** SQLite folds the log at 1000 pages, each with a header of 24 bytes; the last commit may go beyond. */
const LOG_BYTES = 1100 * (4096 + 24);
/** Where less is free, a fast log is not what it is needed for. */
const FREE_BYTES_MIN = 2 ** 30;

/**
 * To be called when SQLite has opened the log of the database at `path`, whose size is not 0 then: zeros
 * behind what is in the log are no frames. Where there is no room, the log grows as it comes.
 */
export function makeLogRoom(path: string): void {
  let log: Deno.FsFile | undefined;
  let size = 0;
  try {
    const { bavail, bsize } = statfsSync(path);
    if (bavail * bsize < FREE_BYTES_MIN) return;
    log = Deno.openSync(`${path}-wal`, { write: true });
    ({ size } = log.statSync());
    log.seekSync(0, Deno.SeekMode.End);
    // Written, not allocated: what was never written is told from zeros by the file system's own records.
    const zeros = new Uint8Array(65_536);
    for (let left = LOG_BYTES - size; left > 0;) left -= log.writeSync(zeros.subarray(0, left));
  } catch {
    // Nothing depends on it; what is left of the room is others'.
    log?.truncateSync(size);
  } finally {
    log?.close();
  }
}
