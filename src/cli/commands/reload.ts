import { object } from "@optique/core/constructs";
import { map } from "@optique/core/modifiers";
import type { ReloadDocument } from "../../control/protocol.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { withDaemon } from "./_control.ts";

export const command: Command = {
  description:
    "Has the daemon read its config file again, as it also does when the file changes. Only " +
    "mounts whose settings have changed are touched; a file with errors changes nothing.",
  parser: map(object({}), () => (context) =>
    withDaemon(context, async (client) => {
      const { output, signal } = context;
      const result = await client.reload(signal);
      output.show(result, () => reloadText(result));
      for (const { message } of result.not_applied) output.warning(message);
      return result.not_applied.length === 0 ? EXIT.done : EXIT.failed;
    })),
  takesJson: true,
  examples: [{ line: "cloudmount reload", meaning: "after a change of the config file" }],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};

/** For people. */
export function reloadText(result: ReloadDocument): string {
  const { added, changed, removed, restart_needed } = result;
  const lines = [
    ...listed("added", added),
    ...listed("changed", changed),
    ...listed("removed", removed),
    ...listed("takes effect with cloudmount restart", restart_needed),
  ];
  return lines.length === 0 ? "No mount has changed" : lines.join("\n");
}

function listed(what: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${what}: ${names.join(", ")}`];
}
