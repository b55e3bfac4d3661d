import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { mountName } from "../arguments.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { findMounts, forEachMount, leftOfMount, requireChoice, withDaemon } from "./_control.ts";
import { drainFlags } from "./_drain_flags.ts";

const flags = object({
  names: multiple(argument(mountName(), { description: message`Mounts of the config.` })),
  all: option("--all", { description: message`All of them.` }),
  ...drainFlags,
});

export const command: Command = {
  description: "Waits until everything written to the mounts is in S3 and unmounts them. " +
    "When that takes too long they stay mounted. " +
    "The daemon goes on.",
  parser: map(flags, ({ names, all, timeoutMs, force }) => (context) => {
    requireChoice(names, all);
    return withDaemon(context, async (client) => {
      const { signal } = context;
      const status = await client.status(signal);
      return await forEachMount(
        context,
        all ? status.mounts : findMounts(status, names),
        ({ id }) => client.stopMount(id, { timeoutMs, force }, signal),
        (mount) => `${mount.name} is unmounted${leftOfMount(mount)}`,
      );
    });
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount unmount photos", meaning: "one" },
    { line: "cloudmount unmount --all --timeout 10m", meaning: "all, with time for uploads" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};
