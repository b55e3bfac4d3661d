import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { integer } from "@optique/core/valueparser";
import { systemClock } from "../../base/clock.ts";
import { logPath } from "../../daemon/logging.ts";
import { mountName } from "../arguments.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { loadForDaemon } from "../load_config.ts";
import { followLog } from "../logs/follow_log.ts";
import { isOfMount, logLineText } from "../logs/log_line.ts";

const LINES = 100;

const flags = object({
  name: optional(argument(mountName(), { description: message`Only lines about this mount.` })),
  follow: option("-f", "--follow", { description: message`Go on with what comes, until Ctrl-C.` }),
  count: withDefault(
    option("-n", "--lines", integer({ metavar: "COUNT", min: 0 }), {
      description: message`How many of the last lines.`,
    }),
    LINES,
  ),
});

export const command: Command = {
  description:
    "Shows the daemon's log, whether it runs or not. With --json: the lines as they are in the file.",
  parser: map(flags, ({ name, follow, count }) => async ({ output, signal, ...context }) => {
    const loaded = await loadForDaemon({ output, signal, ...context });
    const { daemon } = "error" in loaded ? loaded.salvaged : loaded;
    const options = { count, follow, clock: systemClock, signal };
    for await (const line of followLog(logPath(daemon.stateDir), options)) {
      if (name !== undefined && !isOfMount(line, name)) continue;
      output.line(output.json ? line : logLineText(line, output.style));
    }
    return EXIT.done;
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount logs -f", meaning: "the last 100 lines, and what comes" },
    { line: "cloudmount logs photos -n 1000", meaning: "about one mount, of the last 1000 lines" },
  ],
  exitCodes: [EXIT.config],
};
