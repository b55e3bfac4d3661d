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
import { succeeded } from "./_succeeded.ts";
import { showStarted } from "./_show_started.ts";

export const command: Command = {
  description:
    "Starts the daemon anew, with the program and the config file as they are now. The " +
    "folders stay: programs that use them notice a pause. Where that is not possible (the daemon runs " +
    "in the foreground, or the kernel is older than 6.9), it is stopped as “cloudmount stop” does.",
  parser: map(object(drainFlags), (options) => async (context) => {
    const { signal } = context;
    const config = await loadConfig(context);
    using client = new ControlClient(config.daemon.socket);
    const running = await statusIfAny(client, signal);
    if (running !== undefined) {
      const successor = await succeeded(config, running, signal);
      if (successor !== undefined) {
        showStarted(context, successor);
        return EXIT.done;
      }
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
