/** What the commands that talk to the daemon share. */
import { messageOf } from "../../base/message_of.ts";
import { formatDuration, formatSize } from "../../base/units.ts";
import type { Config } from "../../config/types.ts";
import { ControlClient, ControlTimeoutError, NoDaemonError } from "../../control/client.ts";
import {
  type MountStatus,
  type PendingMount,
  ProblemError,
  type StatusDocument,
} from "../../control/protocol.ts";
import type { CommandContext } from "../command.ts";
import { CommandError, UsageError } from "../command_error.ts";
import { EXIT } from "../exit_codes.ts";
import { loadForDaemon } from "../load_config.ts";

/**
 * Gives `work` a client of the configured daemon; its errors come out as `CommandError`s. Errors in the
 * config file matter only where no daemon runs; the config then has no mounts.
 */
export async function withDaemon<T>(
  context: CommandContext,
  work: (client: ControlClient, config: Config) => Promise<T>,
): Promise<T> {
  const loaded = await loadForDaemon(context);
  const config = "error" in loaded ? loaded.salvaged : loaded;
  using client = new ControlClient(config.daemon.socket);
  try {
    return await work(client, config);
  } catch (error) {
    if ("error" in loaded && error instanceof NoDaemonError) throw loaded.error;
    throw toCommandError(error);
  }
}

/** An error of the control client with its exit code; other errors as they are. */
export function toCommandError(error: unknown): unknown {
  if (error instanceof NoDaemonError) {
    return new CommandError(error.message, {
      exitCode: EXIT.noDaemon,
      hint: "Start one with: cloudmount start",
      cause: error,
    });
  }
  if (error instanceof ControlTimeoutError) {
    return new CommandError(error.message, { exitCode: EXIT.timedOut, cause: error });
  }
  if (error instanceof ProblemError) {
    const { detail, hint, status, pending = [], errors = [] } = error.problem;
    const left = pending.filter(({ files }) => files > 0);
    return new CommandError(left.length === 0 ? detail : `${detail}. Pending:${describe(left)}`, {
      exitCode: status === 504 || left.length > 0
        ? EXIT.timedOut
        // Only what is in the config file has a line.
        : errors.some(({ line }) => line !== undefined)
        ? EXIT.config
        : EXIT.failed,
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
  return error;
}

/** Throws a `UsageError` unless either names or `--all` were given. */
export function requireChoice(names: readonly string[], all: boolean): void {
  if (all !== names.length > 0) return;
  throw new UsageError(
    all ? "Cannot take both names and --all" : "Cannot tell which mounts are meant",
    "Give the NAMEs of mounts, or --all",
  );
}

/** The mounts of these names, each once. */
export function findMounts(
  status: StatusDocument,
  names: readonly string[],
): readonly MountStatus[] {
  return [...new Set(names)].map((name) => findMount(status, name));
}

/** The mount named `name`. */
export function findMount(status: StatusDocument, name: string): MountStatus {
  const found = status.mounts.find((mount) => mount.name === name);
  if (found !== undefined) return found;
  const known = status.mounts.map((mount) => mount.name).join(", ");
  throw new CommandError(`Cannot find a mount named "${name}"`, {
    hint: known === "" ? "The config lists no mounts" : `There are: ${known}`,
  });
}

/**
 * Does `work` for each mount at the same time and shows what became of each. Fails with the worst exit
 * code when any failed.
 */
export async function forEachMount(
  context: CommandContext,
  mounts: readonly MountStatus[],
  work: (mount: MountStatus) => Promise<MountStatus>,
  done: (mount: MountStatus) => string,
): Promise<typeof EXIT.done> {
  const results = await Promise.allSettled(mounts.map(work));
  context.signal.throwIfAborted();
  const after = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
  if (after.length > 0) {
    context.output.show(after, () => after.map(done).join("\n"));
  }
  for (const { name, error } of after) {
    if (error !== null) context.output.warning(`${name}: ${describeTrouble(error)}`);
  }
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [toCommandError(result.reason)] : []
  );
  for (const failure of failures.slice(1)) {
    context.output.error(
      messageOf(failure),
      failure instanceof CommandError ? failure.hint : undefined,
    );
  }
  if (failures.length > 0) throw failures[0];
  return EXIT.done;
}

/** "S3 does not answer. Check the network". */
export function describeTrouble(trouble: { message: string; hint: string }): string {
  return trouble.hint === "" || trouble.message.includes(trouble.hint)
    ? trouble.message
    : `${trouble.message}. ${trouble.hint}`;
}

/** One line for each mount: how much is pending, for how long, which files, and why. */
function describe(pending: readonly PendingMount[]): string {
  return pending.map(({ name, files, bytes, oldest_seconds, oldest_paths, last_error }) => {
    const age = oldest_seconds === null ? "" : `, the oldest for ${formatSeconds(oldest_seconds)}`;
    const paths = oldest_paths.length === 0 ? "" : `: ${listPaths(oldest_paths, files)}`;
    const error = last_error === null ? "" : `; last error: ${last_error}`;
    return `\n  ${countText(files, bytes)} of "${name}"${age}${paths}${error}`;
  }).join("");
}

/** The first few of `count` paths, quoted so that no name can be taken for something else. */
export function listPaths(paths: readonly string[], count: number): string {
  const more = count - paths.length;
  const list = paths.map((path) => JSON.stringify(path)).join(", ");
  return more > 0 ? `${list} and ${more} more` : list;
}

/** What a stop that did not wait leaves behind, as the end of its sentence; `when` it goes on. */
export function leftText(files: number, bytes: number, when: string): string {
  return files === 0 ? "" : `; ${countText(files, bytes)} not in S3 yet: kept, to go up ${when}`;
}

/** As `leftText`, of a mount that was stopped. */
export function leftOfMount({ uploads }: MountStatus, when = "when it is mounted again"): string {
  return leftText(uploads.pending_files, uploads.pending_bytes, when);
}

/** "2 files (10 KiB)" */
export function countText(files: number, bytes: number): string {
  return `${files} ${files === 1 ? "file" : "files"} (${formatSize(bytes)})`;
}

/** An age for people. */
export function formatSeconds(seconds: number): string {
  return formatDuration(seconds * 1000);
}
