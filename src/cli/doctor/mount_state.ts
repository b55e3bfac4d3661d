/** Whether what is mounted somewhere answers; asked with a limit, for the dead may never answer. */
import { Deadline } from "../../base/clock.ts";
import { untilAborted } from "../../base/until_aborted.ts";

const ANSWER_MS = 3_000;

/** "stale": the kernel knows that nobody serves it any more (ENOTCONN). */
export type MountState = "answers" | "stale" | "silent";

/** Rejects with the signal's reason only. */
export async function mountState(path: string, signal: AbortSignal): Promise<MountState> {
  using deadline = new Deadline(signal, ANSWER_MS);
  try {
    await untilAborted(Deno.stat(path), deadline.signal);
    return "answers";
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Deno.errors.NotConnected) return "stale";
    return deadline.signal.aborted ? "silent" : "answers";
  }
}

/** The command that takes such a mount away. */
export function detachCommand(path: string): string {
  return `fusermount3 -u -z "${path}" (as root: umount -l "${path}")`;
}
