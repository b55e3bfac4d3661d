import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { systemClock } from "../../base/clock.ts";
import { formatDuration, formatSize } from "../../base/units.ts";
import type { MountState, MountStatus, StatusDocument } from "../../control/protocol.ts";
import { mountName } from "../arguments.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { printable } from "../printable.ts";
import type { Style } from "../style.ts";
import { formatTable } from "../table.ts";
import {
  countText,
  describeTrouble,
  findMount,
  formatSeconds,
  listPaths,
  withDaemon,
} from "./_control.ts";

const WATCH_MS = 2000;

const flags = object({
  name: optional(argument(mountName(), { description: message`Only this mount.` })),
  watch: option("--watch", { description: message`Show it again every 2 seconds until Ctrl-C.` }),
});

export const command: Command = {
  description: "Shows the daemon and its mounts.",
  parser: map(flags, ({ name, watch }) => async (context) => {
    const { output, signal } = context;
    return await withDaemon(context, async (client) => {
      while (true) {
        const whole = await client.status(signal);
        const status = name === undefined ? whole : { ...whole, mounts: [findMount(whole, name)] };
        if (watch) output.clear();
        output.show(status, () => statusText(status, output.style));
        if (!watch) return status.mounts.every(isFine) ? EXIT.done : EXIT.unhealthy;
        await systemClock.sleep(WATCH_MS, signal);
      }
    });
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount status", meaning: "a table" },
    { line: "cloudmount status photos --json", meaning: "everything about one mount" },
    { line: "cloudmount status --watch", meaning: "follow it" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.unhealthy],
};

/**
 * Conflicts, and what was set aside, do not count: the mount works, nothing of it is getting worse, and
 * both files stay until somebody has looked at them. A monitor that is red for weeks is not looked at.
 */
const FINE: readonly MountState[] = ["mounted", "stopped", "draining"];

/** Conflicts of a mount shown to people; --json has all. */
const CONFLICTS_SHOWN = 10;

function isFine(mount: MountStatus): boolean {
  return FINE.includes(mount.state);
}

/** The status for people. */
export function statusText(status: StatusDocument, style: Style): string {
  const { memory, connections } = status;
  const head = [
    `Cloudmount ${status.version}, pid ${status.pid}, up ${
      formatDuration(status.uptime_seconds * 1000)
    }`,
    `memory ${formatSize(memory.used_bytes)} of ${formatSize(memory.limit_bytes)} (process ${
      formatSize(memory.rss_bytes)
    })`,
    `connections ${connections.in_use} of ${connections.limit}`,
  ].join(", ");
  const rows = status.mounts.map((mount) => [
    mount.name,
    mount.state,
    mount.prefix === "" ? mount.bucket : `${mount.bucket}/${mount.prefix}`,
    mount.mount_point,
    pendingText(mount),
  ]);
  const columns = ["NAME", "STATE", "BUCKET", "MOUNT POINT", "NOT YET IN S3"];
  const table = rows.length === 0 ? "The config lists no mounts." : formatTable(
    columns.map((title) => ({ title })),
    rows,
    style,
    (cell, column, row) =>
      column === 1 ? stateColour(status.mounts[row]!.state, style)(cell) : cell,
  );
  const remarks = [
    ...configRemarks(status, style),
    ...status.problems.map((problem) => `${style.bold("daemon")}: ${printable(problem)}`),
    ...status.mounts.flatMap((mount) =>
      remarksOf(mount).map((remark) => `${style.bold(mount.name)}: ${printable(remark)}`)
    ),
  ];
  return [head, "", table, ...(remarks.length === 0 ? [] : ["", ...remarks])].join("\n");
}

function pendingText({ uploads }: MountStatus): string {
  const { pending_files, pending_bytes, oldest_seconds } = uploads;
  if (pending_files === 0) return "-";
  const age = oldest_seconds === null ? "" : `, oldest ${formatSeconds(oldest_seconds)}`;
  return `${countText(pending_files, pending_bytes)}${age}`;
}

function configRemarks({ config_error }: StatusDocument, style: Style): string[] {
  if (config_error === null) return [];
  const text = `${describeTrouble(config_error)} (since ${config_error.since})`;
  return [`${style.bold("config")}: ${style.yellow(printable(text))}`];
}

/** What a person should know of a mount, a line each. */
function remarksOf(mount: MountStatus): string[] {
  const { error, enabled, uploads, conflicts, lost_and_found, warnings } = mount;
  const remarks: string[] = [];
  if (error !== null) remarks.push(`${describeTrouble(error)} (since ${error.since})`);
  remarks.push(...warnings);
  if (uploads.last_error !== null) {
    remarks.push(`last failed upload: ${uploads.last_error}`);
    if (uploads.oldest_paths.length > 0) {
      remarks.push(`not in S3 yet: ${listPaths(uploads.oldest_paths, uploads.pending_files)}`);
    }
  }
  for (const { path, copy, at } of conflicts.slice(0, CONFLICTS_SHOWN)) {
    const yours = copy === null ? "what S3 has was kept" : `yours is ${JSON.stringify(copy)}`;
    const names = `${JSON.stringify(path)} was changed in S3 too; ${yours}`;
    remarks.push(`conflict: ${names} (${at})`);
  }
  const more = conflicts.length - CONFLICTS_SHOWN;
  if (more > 0) remarks.push(`${more} more conflicts: cloudmount status ${mount.name} --json`);
  remarks.push(...lost_and_found.map((line) => `set aside: ${line}`));
  if (!enabled) remarks.push("disabled in the config");
  return remarks;
}

function stateColour(state: MountState, style: Style): (text: string) => string {
  switch (state) {
    case "mounted":
      return style.green;
    case "failed":
      return style.red;
    case "stopped":
      return style.dim;
    default:
      return style.yellow;
  }
}
