/** The status for people: the table, and what is wrong or should be known below. */
import { formatDuration, formatSize } from "../../base/units.ts";
import type { MountState, MountStatus, StatusDocument } from "../../control/protocol.ts";
import { countText, describeTrouble, formatSeconds, listPaths } from "./_control.ts";
import { printable } from "../printable.ts";
import type { Style } from "../style.ts";
import { formatTable } from "../table.ts";

/** Conflicts of a mount shown to people; --json has all. */
const CONFLICTS_SHOWN = 10;

/** What `cloudmount status` shows. */
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
  const remarks = remarksText(status, style);
  return [head, "", table, ...(remarks === "" ? [] : ["", remarks])].join("\n");
}

/** What is wrong, or should be known, a line each; "" when nothing is. */
export function remarksText(status: StatusDocument, style: Style): string {
  return [
    ...configRemarks(status, style),
    ...status.problems.map((problem) => `${style.bold("daemon")}: ${printable(problem)}`),
    ...status.mounts.flatMap((mount) =>
      remarksOf(mount).map((remark) => `${style.bold(mount.name)}: ${printable(remark)}`)
    ),
  ].join("\n");
}

/** What is not in S3 yet, in a cell. */
export function pendingText({ uploads }: MountStatus): string {
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

/** How a state is shown. */
export function stateColour(state: MountState, style: Style): (text: string) => string {
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
