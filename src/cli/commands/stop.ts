import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { leftText, withDaemon } from "./_control.ts";
import { waitUntilGone } from "../daemon_process.ts";
import { drainFlags } from "./_drain_flags.ts";

export const command: Command = {
  description: "Waits until everything written is in S3, unmounts all, and ends the daemon. " +
    "When that takes too long the daemon goes on.",
  parser: map(object(drainFlags), (options) => async (context) => {
    const document = await withDaemon(context, async (client, config) => {
      const document = await client.shutdown(options, context.signal);
      await waitUntilGone(config, context.signal);
      return document;
    });
    context.output.show(document, () => {
      const files = document.pending.reduce((sum, one) => sum + one.files, 0);
      const bytes = document.pending.reduce((sum, one) => sum + one.bytes, 0);
      return `The daemon has stopped${leftText(files, bytes, "at the next start")}`;
    });
    return EXIT.done;
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount stop", meaning: "finish the uploads first, for at most a minute" },
    { line: "cloudmount stop --timeout 1h", meaning: "give large uploads time" },
    { line: "cloudmount stop --force", meaning: "now; what is pending goes up at the next start" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};
