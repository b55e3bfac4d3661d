import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import { systemClock } from "../../base/clock.ts";
import type { Config } from "../../config/types.ts";
import { ConfigError } from "../../config/config_error.ts";
import { ControlClient } from "../../control/client.ts";
import type { DrainOptions, ShutdownDocument } from "../../control/protocol.ts";
import { createAgent } from "../agent/create_agent.ts";
import type { Command, CommandContext } from "../command.ts";
import { statusIfAny, waitUntilGone } from "../daemon_process.ts";
import { EXIT } from "../exit_codes.ts";
import { loadConfig } from "../load_config.ts";
import { fromAgent } from "./_agent.ts";
import { leftText, toCommandError } from "./_control.ts";
import { drainFlags } from "./_drain_flags.ts";

export const command: Command = {
  description:
    "Stops the daemon as “cloudmount stop” does, and removes what “cloudmount install-agent” has " +
    "written. Config, cache and what is not in S3 yet stay.",
  parser: map(object(drainFlags), (options) => async (context) => {
    const agent = await createAgent(context.environment);
    const { pid } = await fromAgent(agent.state(context.signal));
    const config = await configIfValid(context);
    const stopped = config !== undefined && pid !== null
      ? await endDaemon(config, pid, options, context.signal)
      : undefined;
    const removed = await fromAgent(agent.uninstall(context.signal));
    const detached = config === undefined ? [] : await removeDeadMounts(config, context);
    const pending = stopped?.pending ?? [];
    context.output.show({ removed, pending, detached }, () => {
      if (!removed) return "There is no agent";
      const files = pending.reduce((sum, one) => sum + one.files, 0);
      const bytes = pending.reduce((sum, one) => sum + one.bytes, 0);
      return `The agent is removed; the folders are unmounted${
        leftText(files, bytes, "at the next start")
      }`;
    });
    return EXIT.done;
  }),
  takesJson: true,
  examples: [
    {
      line: "cloudmount uninstall-agent",
      meaning: "finish the uploads first, for at most a minute",
    },
    { line: "cloudmount uninstall-agent --force", meaning: "now, also when folders are in use" },
  ],
  exitCodes: [EXIT.timedOut],
};

/** An agent can be removed whatever is wrong with the config. */
async function configIfValid(context: CommandContext): Promise<Config | undefined> {
  try {
    return await loadConfig(context);
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** Ends the agent's daemon if it answers; the service manager ends one that does not. */
async function endDaemon(
  config: Config,
  pid: number,
  options: DrainOptions,
  signal: AbortSignal,
): Promise<ShutdownDocument | undefined> {
  using client = new ControlClient(config.daemon.socket);
  const status = await statusIfAny(client, signal).catch(() => undefined);
  signal.throwIfAborted();
  if (status?.pid !== pid) return undefined;
  try {
    const document = await client.shutdown(options, signal);
    await waitUntilGone(config, signal);
    return document;
  } catch (error) {
    throw toCommandError(error);
  }
}

/** A daemon that was killed leaves its folders mounted; returns those that were detached. */
async function removeDeadMounts(
  config: Config,
  { environment }: CommandContext,
): Promise<string[]> {
  if (environment.os !== "linux") return [];
  const { removeDeadMount } = await import("../../fuse/mount_linux.ts");
  const detached: string[] = [];
  for (const { mountPoint } of config.mounts) {
    const searchPath = environment.variable("PATH") ?? "";
    const options = { searchPath, clock: systemClock };
    // What is served by another daemon stays, as what is not ours.
    if (await removeDeadMount(mountPoint, options).catch(() => false)) detached.push(mountPoint);
  }
  return detached;
}
