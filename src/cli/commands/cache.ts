import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, command as subcommand } from "@optique/core/primitives";
import { formatSize } from "../../base/units.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { mountName } from "../arguments.ts";
import type { Action, Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import type { Style } from "../style.ts";
import { formatTable } from "../table.ts";
import { findMount, withDaemon } from "./_control.ts";

const name = optional(argument(mountName(), { description: message`Only this mount.` }));

const stats = subcommand(
  "stats",
  map(object({ name }), ({ name }): Action => (context) =>
    withDaemon(context, async (client) => {
      const status = await client.status(context.signal);
      const mounts = name === undefined ? status.mounts : [findMount(status, name)];
      const { cache } = status;
      context.output.show(
        { ...cache, mounts: mounts.map(({ name, cache }) => ({ name, ...cache })) },
        () => statsText(cache, mounts, context.output.style),
      );
      return EXIT.done;
    })),
  { brief: message`Shows what is cached on disk, and how often that helped.` },
);

const clear = subcommand(
  "clear",
  map(object({ name }), ({ name }): Action => (context) =>
    withDaemon(context, async (client) => {
      const status = await client.status(context.signal);
      const id = name === undefined ? undefined : findMount(status, name).id;
      const cleared = await client.clearCache(id, context.signal);
      context.output.show(cleared, () => `${formatSize(cleared.freed_bytes)} deleted`);
      return EXIT.done;
    })),
  { brief: message`Deletes what is cached on disk.` },
);

export const command: Command = {
  description: "Shows or deletes what is cached on disk. What was written is kept elsewhere.",
  parser: or(stats, clear),
  takesJson: true,
  examples: [
    { line: "cloudmount cache stats", meaning: "how full it is, and how often it helped" },
    { line: "cloudmount cache clear photos", meaning: "what one mount has cached" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon],
};

/** For people. */
export function statsText(
  cache: StatusDocument["cache"],
  mounts: StatusDocument["mounts"],
  style: Style,
): string {
  const total = `${formatSize(cache.used_bytes)} of ${formatSize(cache.limit_bytes)} on disk, ` +
    `hit rate ${percent(cache.hit_rate)}`;
  if (mounts.length === 0) return total;
  const table = formatTable(
    [{ title: "NAME" }, { title: "ON DISK", align: "right" }, {
      title: "HIT RATE",
      align: "right",
    }],
    mounts.map(({ name, cache }) => [name, formatSize(cache.used_bytes), percent(cache.hit_rate)]),
    style,
  );
  return `${total}\n\n${table}`;
}

function percent(rate: number | null): string {
  return rate === null ? "-" : `${(100 * rate).toFixed(1)} %`;
}
