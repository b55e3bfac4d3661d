/**
 * `cloudmount supervise LOCK CRASHES COMMAND...`: runs this program with that command, and again when it
 * crashes, while its mounts stay. For `cloudmount start` only, and so not among the commands that are
 * shown; who kills daemons for a test allows more crashes.
 */
import { holdDaemon } from "../daemon/holder.ts";
import { tryLockFile } from "../ffi/file_lock.ts";
import { EXIT } from "./exit_codes.ts";
import { programCommand } from "./program_command.ts";

/** So many crashes within a minute are a loop. */
export const CRASHES_MAX = 5;

/** Resolves with the exit code of the last daemon. */
export async function supervise(
  [lockPath = "", crashesMax = "", ...words]: readonly string[],
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<number> {
  // Found now: an update may replace the executable while it runs.
  const command = [...programCommand(), ...words];
  // Between the death of a daemon and the next one's start nobody else may come.
  const lock = tryLockFile(lockPath);
  if (lock === undefined) {
    say("Cannot start the daemon: it is just being started again; try it once more");
    return EXIT.failed;
  }
  return await holdDaemon({ command, end: signal, say, crashesMax: Number(crashesMax) });
}
