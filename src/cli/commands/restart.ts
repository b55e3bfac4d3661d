import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import { ControlClient } from "../../control/client.ts";
import { startDaemon } from "../agent/start_daemon.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { loadConfig } from "../load_config.ts";
import { toCommandError } from "./_control.ts";
import { statusIfAny, waitUntilGone } from "../daemon_process.ts";
import { drainFlags } from "./_drain_flags.ts";
import { showStarted } from "./_show_started.ts";

export const command: Command = {
  description: "Stops the daemon as “cloudmount stop” does, if one runs, and starts it with the " +
    "config file as it is now.",
  parser: map(object(drainFlags), (options) => async (context) => {
    const { signal } = context;
    const config = await loadConfig(context);
    using client = new ControlClient(config.daemon.socket);
    if (await statusIfAny(client, signal) !== undefined) {
      try {
        await client.shutdown(options, signal);
      } catch (error) {
        throw toCommandError(error);
      }
      await waitUntilGone(config, signal);
    }
    showStarted(context, await startDaemon(context, config));
    return EXIT.done;
  }),
  takesJson: true,
  examples: [{ line: "cloudmount restart", meaning: "after a change of the config file" }],
  exitCodes: [EXIT.config, EXIT.timedOut],
};
