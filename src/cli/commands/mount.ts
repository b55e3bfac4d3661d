import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { mountName } from "../arguments.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { findMounts, forEachMount, requireChoice, withDaemon } from "./_control.ts";

const flags = object({
  names: multiple(argument(mountName(), { description: message`Mounts of the config.` })),
  all: option("--all", { description: message`All that the config enables.` }),
});

export const command: Command = {
  description: "Mounts buckets that the config lists, in the daemon that runs.",
  parser: map(flags, ({ names, all }) => (context) => {
    requireChoice(names, all);
    return withDaemon(context, async (client) => {
      const { signal } = context;
      const status = await client.status(signal);
      const mounts = all
        ? status.mounts.filter(({ enabled }) => enabled)
        : findMounts(status, names);
      return await forEachMount(
        context,
        mounts,
        ({ id }) => client.startMount(id, signal),
        ({ name, mount_point }) => `${name} is mounted at ${mount_point}`,
      );
    });
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount mount photos", meaning: "one" },
    { line: "cloudmount mount --all", meaning: "all" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};
