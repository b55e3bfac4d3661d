import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { duration, mountName } from "../arguments.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { findMounts, forEachMount, withDaemon } from "./_control.ts";

/** Long, because who flushes wants to know it done, but bounded. */
const DEFAULT_MS = 600_000;

const flags = object({
  names: multiple(argument(mountName(), { description: message`Only these mounts.` })),
  timeoutMs: withDefault(
    option("--timeout", duration(), { description: message`How long to wait.` }),
    DEFAULT_MS,
  ),
});

export const command: Command = {
  description: "Waits until everything written is durable in S3.",
  parser: map(flags, ({ names, timeoutMs }) => (context) =>
    withDaemon(context, async (client) => {
      const { signal } = context;
      const status = await client.status(signal);
      const mounts = names.length === 0
        ? status.mounts.filter(({ state }) => state === "mounted" || state === "degraded")
        : findMounts(status, names);
      return await forEachMount(
        context,
        mounts,
        ({ id }) => client.flushMount(id, timeoutMs, signal),
        ({ name }) => `${name}: everything is in S3`,
      );
    })),
  takesJson: true,
  examples: [
    { line: "cloudmount flush", meaning: "all mounts" },
    { line: "cloudmount flush photos --timeout 1h", meaning: "one, with time for large uploads" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.timedOut],
};
