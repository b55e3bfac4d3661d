/**
 * The status as a menu of xbar or SwiftBar (github.com/matryer/xbar-plugins, "Plugin API"): a line for the
 * menu bar, "---", then a line for each entry; "--" before an entry puts it below the one above.
 */
import { formatSize } from "../../base/units.ts";
import type { MountStatus, StatusDocument } from "../../control/protocol.ts";
import { printable } from "../printable.ts";
import { describeTrouble, formatSeconds, listPaths } from "./_control.ts";

/** How the menu's actions call this program: words, and the options that name its config file. */
export interface XbarProgram {
  readonly words: readonly string[];
  readonly options: readonly string[];
}

const COLOURS = { good: "green", bad: "red", doubtful: "orange", off: "gray" } as const;

/** The menu of a daemon that runs. */
export function xbarMenu(status: StatusDocument, program: XbarProgram): string {
  const { mounts, config_error, problems } = status;
  const pending = mounts.reduce((sum, { uploads }) => sum + uploads.pending_files, 0);
  const isIll = config_error !== null || !mounts.every(isWell);
  const title = `☁${isIll ? "!" : ""}${pending === 0 ? "" : ` ↑${pending}`}`;
  return [
    entry(title, isIll ? { color: COLOURS.bad } : {}),
    "---",
    ...mounts.flatMap((mount) => mountEntries(mount, program)),
    ...(mounts.length === 0 ? ["The config lists no mounts"] : []),
    "---",
    ...(config_error === null
      ? []
      : [entry(describeTrouble(config_error), { color: COLOURS.bad })]),
    ...problems.map((problem) => entry(problem, { color: COLOURS.doubtful })),
    action("Flush all", program, ["flush"]),
    action("Logs", program, ["logs", "-f"], { terminal: true }),
    action("Stop Cloudmount", program, ["stop"]),
    "Refresh | refresh=true",
  ].join("\n");
}

/** The menu when there is no status; `reason` says why. */
export function xbarMenuWithout(reason: string, program: XbarProgram): string {
  return [
    entry("☁", { color: COLOURS.off }),
    "---",
    entry(reason, { color: COLOURS.off }),
    action("Start Cloudmount", program, ["start"]),
    action("Logs", program, ["logs", "-f"], { terminal: true }),
    "Refresh | refresh=true",
  ].join("\n");
}

function mountEntries(mount: MountStatus, program: XbarProgram): string[] {
  const { name, state, error, warnings, uploads, conflicts } = mount;
  const isUp = state === "mounted" || state === "degraded" || state === "draining";
  const waiting = uploads.pending_files === 0
    ? ""
    : `, ${uploads.pending_files} not in S3 yet (${formatSize(uploads.pending_bytes)})`;
  const color = isWell(mount)
    ? (isUp ? COLOURS.good : COLOURS.off)
    : state === "degraded" || state === "starting"
    ? COLOURS.doubtful
    : COLOURS.bad;
  const below = [
    ...(isUp && openable(mount.mount_point)
      ? [`Open | bash=/usr/bin/open param1="${mount.mount_point}" terminal=false`]
      : []),
    isUp
      ? action("Unmount", program, ["unmount", name])
      : action("Mount", program, ["mount", name]),
    ...(isUp ? [action("Flush", program, ["flush", name])] : []),
    action("Logs", program, ["logs", name, "-f"], { terminal: true }),
    entry(mount.prefix === "" ? mount.bucket : `${mount.bucket}/${mount.prefix}`, {
      color: COLOURS.off,
    }),
    ...(mount.last_contact_seconds === null
      ? []
      : [entry(`last contact ${formatSeconds(mount.last_contact_seconds)} ago`, {
        color: COLOURS.off,
      })]),
    ...(error === null ? [] : [entry(describeTrouble(error), { color: COLOURS.bad })]),
    ...warnings.map((warning) => entry(warning, { color: COLOURS.doubtful })),
    ...(conflicts.length === 0 ? [] : [entry(
      `conflicts: ${listPaths(conflicts.slice(0, 5).map(({ path }) => path), conflicts.length)}`,
      {
        color: COLOURS.doubtful,
      },
    )]),
  ];
  return [entry(`${name}: ${state}${waiting}`, { color }), ...below.map((line) => `--${line}`)];
}

function isWell({ state }: MountStatus): boolean {
  return state === "mounted" || state === "stopped" || state === "draining";
}

/** A path that can be written as a parameter: the format has no escapes. */
function openable(path: string): boolean {
  return !/["|\\]/.test(path) && printable(path) === path;
}

function action(
  title: string,
  { words, options }: XbarProgram,
  args: readonly string[],
  { terminal = false } = {},
): string {
  const [program, ...rest] = [...words, ...args, ...options];
  const params = rest.map((word, index) => `param${index + 1}="${word}"`);
  const refresh = terminal ? "" : " refresh=true";
  return [`${title} | bash="${program}"`, ...params, `terminal=${terminal}${refresh}`].join(" ");
}

/** A line of text that cannot end early, begin parameters, or be taken for a separator. */
function entry(text: string, parameters: Readonly<Record<string, string>> = {}): string {
  const line = printable(text).replaceAll("\n", " ").replaceAll("|", "¦").replace(/^-+/, "");
  const pairs = Object.entries(parameters).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? line : `${line} | ${pairs.join(" ")}`;
}
