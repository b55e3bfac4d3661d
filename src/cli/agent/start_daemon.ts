/** Starts the daemon in the background. */
import { AgentError } from "../../agent/agent.ts";
import type { Config } from "../../config/types.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import type { CommandContext } from "../command.ts";
import { spawnDaemon, waitForDaemon } from "../daemon_process.ts";
import { createAgent } from "./create_agent.ts";

/** A daemon that is no child of this process: the service manager knows how it ends. */
export const STARTED_BY_AGENT = { exited: new Promise<number>(() => {}) };

/**
 * Has the agent start it if one is installed for this config, so that it is watched over; else starts a
 * process of its own. Resolves when each mount is there or has failed.
 */
export async function startDaemon(
  { environment, output, signal }: CommandContext,
  config: Config,
): Promise<StatusDocument> {
  const agent = environment.home === undefined ? undefined : await createAgent(environment);
  if (await agent?.serves(config.path)) {
    try {
      await agent?.start(signal);
      return await waitForDaemon(config, STARTED_BY_AGENT, signal);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      output.warning(`${error.message}. The daemon is started without its agent. ${error.hint}`);
    }
  }
  const isHeld = environment.os === "linux";
  return await waitForDaemon(config, await spawnDaemon(config, {}, isHeld), signal);
}
