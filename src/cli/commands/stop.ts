import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { withDaemon } from "./_control.ts";
import { waitUntilGone } from "../daemon_process.ts";
import { drainFlags } from "./_drain_flags.ts";

export const command: Command = {
  description: "Waits until everything written is in S3, unmounts all, and ends the daemon. " +
    "When that takes too long the daemon goes on.",
  parser: map(object(drainFlags), (options) => async (context) => {
    await withDaemon(context, async (client, config) => {
      await client.shutdown(options, context.signal);
      await waitUntilGone(config, context.signal);
    });
    context.output.show({ stopped: true }, () => "The daemon has stopped");
    return EXIT.done;
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount stop", meaning: "finish the uploads first, for at most a minute" },
    { line: "cloudmount stop --timeout 1h", meaning: "give large uploads time" },
    { line: "cloudmount stop --force", meaning: "now; what is not uploaded stays on disk" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};
