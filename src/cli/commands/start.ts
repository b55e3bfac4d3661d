import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import { ControlClient } from "../../control/client.ts";
import { startDaemon } from "../agent/start_daemon.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { loadConfig } from "../load_config.ts";
import { statusIfAny } from "../daemon_process.ts";
import { showStarted } from "./_show_started.ts";

export const command: Command = {
  description: "Starts the daemon in the background, by the agent if one is installed, and waits " +
    "until its mounts are there. A daemon that runs already is left as it is.",
  parser: map(object({}), () => async (context) => {
    const config = await loadConfig(context);
    using client = new ControlClient(config.daemon.socket);
    const running = await statusIfAny(client, context.signal);
    showStarted(context, running ?? await startDaemon(context, config));
    return EXIT.done;
  }),
  takesJson: true,
  examples: [{ line: "cloudmount start", meaning: "mount everything and go on in the background" }],
  exitCodes: [EXIT.config],
};
