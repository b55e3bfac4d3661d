/** Has another process go on with the mounts of the daemon that runs. */
import type { Config } from "../../config/types.ts";
import { ControlClient } from "../../control/client.ts";
import { ProblemError, type StatusDocument } from "../../control/protocol.ts";
import { logPath } from "../../daemon/logging.ts";
import { CommandError } from "../command_error.ts";
import { waitForSuccessor } from "../daemon_process.ts";
import { toCommandError } from "./_control.ts";

/** The status of that process; undefined when there can be none. */
export async function succeeded(
  config: Config,
  { pid }: Pick<StatusDocument, "pid">,
  signal: AbortSignal,
): Promise<StatusDocument | undefined> {
  using client = new ControlClient(config.daemon.socket);
  try {
    await client.restart(signal);
  } catch (error) {
    // 404: it is of an older version.
    if (error instanceof ProblemError && [404, 409].includes(error.problem.status)) {
      return undefined;
    }
    throw toCommandError(error);
  }
  const status = await waitForSuccessor(config, pid, signal);
  if (status !== undefined) return status;
  throw new CommandError("Cannot restart the daemon: no other one answers", {
    hint: `Look into the log: ${logPath(config.daemon.stateDir)}`,
  });
}
