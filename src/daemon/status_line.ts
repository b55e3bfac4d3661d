/** The daemon in one line, as a service manager shows it. */
import { formatSize } from "../base/units.ts";
import type { MountStatus, StatusDocument } from "../control/protocol.ts";

/** A line that is read in `systemctl status`; the whole story is in `cloudmount status`. */
const CHARACTERS_MAX = 300;

/** "3 mounts up, 2 files waiting (1 MiB)"; then what is wrong with which mount. */
export function statusLine({ mounts, config_error }: StatusDocument): string {
  const wanted = mounts.filter(({ state }) => state !== "stopped");
  const up = wanted.filter(({ state }) => state === "mounted" || state === "degraded");
  const files = sum(mounts.map(({ uploads }) => uploads.pending_files));
  const bytes = sum(mounts.map(({ uploads }) => uploads.pending_bytes));
  const parts = [
    up.length === wanted.length
      ? `${mountsText(up.length)} up`
      : `${up.length} of ${mountsText(wanted.length)} up`,
    files === 0
      ? "nothing waiting"
      : `${files} ${files === 1 ? "file" : "files"} waiting (${formatSize(bytes)})`,
  ];
  const troubles = mounts.flatMap((mount) => mount.error === null ? [] : [troubleText(mount)]);
  const config = config_error === null ? [] : ["the config file has errors"];
  return shortened([parts.join(", "), ...config, ...troubles].join("; "));
}

function troubleText({ name, state, error }: MountStatus): string {
  return `${name} is ${state}: ${error?.message}`;
}

function mountsText(count: number): string {
  return count === 1 ? "1 mount" : `${count} mounts`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** One line without control characters: a line break would begin the next message. */
function shortened(text: string): string {
  // deno-lint-ignore no-control-regex -- the point of this function
  const line = text.replace(/[\x00-\x1f\x7f]+/g, " ");
  return line.length <= CHARACTERS_MAX ? line : `${line.slice(0, CHARACTERS_MAX - 3)}...`;
}
