import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { argument, command as subcommand } from "@optique/core/primitives";
import { mountName } from "../arguments.ts";
import type { Action, Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { formatTable } from "../table.ts";
import { findMount, forEachMount, leftOfMount, withDaemon } from "./_control.ts";
import { add, remove, set } from "./_edit_mounts.ts";
import { drainFlags } from "./_drain_flags.ts";

const name = argument(mountName(), { description: message`A mount of the config.` });

const list = subcommand(
  "list",
  map(object({}), (): Action => (context) =>
    withDaemon(context, async (client) => {
      const { mounts } = await client.status(context.signal);
      context.output.show(mounts, () =>
        formatTable(
          [{ title: "NAME" }, { title: "STATE" }, { title: "BUCKET" }, { title: "MOUNT POINT" }],
          mounts.map(({ name, state, bucket, prefix, mount_point }) => [
            name,
            state,
            prefix === "" ? bucket : `${bucket}/${prefix}`,
            mount_point,
          ]),
          context.output.style,
        ));
      return EXIT.done;
    })),
  { brief: message`Lists the mounts of the daemon.` },
);

const start = subcommand(
  "start",
  map(
    object({ name }),
    ({ name }): Action => (context) =>
      withDaemon(context, async (client) =>
        await forEachMount(
          context,
          [findMount(await client.status(context.signal), name)],
          ({ id }) => client.startMount(id, context.signal),
          ({ name, mount_point }) => `${name} is mounted at ${mount_point}`,
        )),
  ),
  { brief: message`Mounts one; the same as “cloudmount mount NAME”.` },
);

const stop = subcommand(
  "stop",
  map(
    object({ name, ...drainFlags }),
    ({ name, timeoutMs, force }): Action => (context) =>
      withDaemon(context, async (client) =>
        await forEachMount(
          context,
          [findMount(await client.status(context.signal), name)],
          ({ id }) => client.stopMount(id, { timeoutMs, force }, context.signal),
          (mount) => `${mount.name} is unmounted${leftOfMount(mount)}`,
        )),
  ),
  { brief: message`Unmounts one; the same as “cloudmount unmount NAME”.` },
);

export const command: Command = {
  description:
    "Lists, starts and stops the mounts of the daemon that runs; adds, changes and removes those " +
    "of the config file, whose comments and order stay as they are.",
  parser: or(list, add, remove, start, stop, set),
  takesJson: true,
  examples: [
    { line: "cloudmount mounts list --json", meaning: "for programs" },
    { line: "cloudmount mounts add --bucket docs --mount-point ~/docs", meaning: "another bucket" },
    { line: "cloudmount mounts set docs read_only=true", meaning: "change a setting" },
    { line: "cloudmount mounts stop photos", meaning: "unmount one" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};
