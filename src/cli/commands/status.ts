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
import type { Style } from "../style.ts";
import { formatTable } from "../table.ts";
import { describeTrouble, findMount, withDaemon } from "./_control.ts";

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

const FINE: readonly MountState[] = ["mounted", "stopped", "draining"];

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
  if (status.mounts.length === 0) return `${head}\n\nThe config lists no mounts.`;
  const rows = status.mounts.map((mount) => [
    mount.name,
    mount.state,
    mount.prefix === "" ? mount.bucket : `${mount.bucket}/${mount.prefix}`,
    mount.mount_point,
    pendingText(mount),
  ]);
  const columns = ["NAME", "STATE", "BUCKET", "MOUNT POINT", "NOT YET IN S3"];
  const table = formatTable(
    columns.map((title) => ({ title })),
    rows,
    style,
    (cell, column, row) =>
      column === 1 ? stateColour(status.mounts[row]!.state, style)(cell) : cell,
  );
  const remarks = status.mounts.flatMap((mount) => remarksOf(mount, style));
  return [head, "", table, ...(remarks.length === 0 ? [] : ["", ...remarks])].join("\n");
}

function pendingText({ uploads }: MountStatus): string {
  if (uploads.pending_files === 0) return "-";
  return `${uploads.pending_files} files, ${formatSize(uploads.pending_bytes)}`;
}

function remarksOf(mount: MountStatus, style: Style): string[] {
  const remarks: string[] = [];
  if (mount.error !== null) {
    remarks.push(
      `${style.bold(mount.name)}: ${describeTrouble(mount.error)} (since ${mount.error.since})`,
    );
  }
  if (mount.uploads.last_error !== null) {
    remarks.push(`${style.bold(mount.name)}: last failed upload: ${mount.uploads.last_error}`);
  }
  if (!mount.enabled) remarks.push(`${style.bold(mount.name)}: disabled in the config`);
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
