/** Whether what is mounted somewhere answers; asked with a limit, for the dead may never answer. */
import { Deadline } from "../../base/clock.ts";
import { untilAborted } from "../../base/until_aborted.ts";
import { isServed } from "../../fuse/is_served.ts";

const ANSWER_MS = 3_000;

/** "stale": the kernel knows that nobody serves it any more (ENOTCONN). */
export type MountState = "answers" | "stale" | "silent";

/** Rejects with the signal's reason only. */
export async function mountState(path: string, signal: AbortSignal): Promise<MountState> {
  using deadline = new Deadline(signal, ANSWER_MS);
  try {
    return await untilAborted(isServed(path), deadline.signal) ? "answers" : "stale";
  } catch {
    signal.throwIfAborted();
    return deadline.signal.aborted ? "silent" : "answers";
  }
}

/** The command that takes such a mount away. */
export function detachCommand(path: string): string {
  return `fusermount3 -u -z "${path}" (as root: umount -l "${path}")`;
}
