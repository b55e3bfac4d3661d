/**
 * `cloudmount supervise [--crashes N] COMMAND...`: runs this program with that command, and again when it
 * crashes, while its mounts stay. For `cloudmount start` only, and so not among the commands that are
 * shown; who kills daemons for a test allows more crashes.
 */
import { holdDaemon } from "../daemon/holder.ts";
import { programCommand } from "./program_command.ts";

/** Resolves with the exit code of the last daemon. */
export async function supervise(
  words: readonly string[],
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<number> {
  // Found now: an update may replace the executable while it runs.
  const program = programCommand();
  const isLimited = words[0] === "--crashes";
  return await holdDaemon({
    command: [...program, ...(isLimited ? words.slice(2) : words)],
    end: signal,
    say,
    ...(isLimited ? { crashesMax: Number(words[1]) } : {}),
  });
}
