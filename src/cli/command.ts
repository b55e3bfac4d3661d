/**
 * What a command is. One file of `commands/` holds one command and exports it as `command`; one row
 * of `commands/mod.ts` names it and loads the file when the command is called, so that a command
 * pays for its own imports only.
 *
 * ```ts
 * // src/cli/commands/flush.ts
 * import { object } from "@optique/core/constructs";
 * import { message } from "@optique/core/message";
 * import { map, multiple } from "@optique/core/modifiers";
 * import { argument } from "@optique/core/primitives";
 * import type { Command } from "../command.ts";
 * import { EXIT } from "../exit_codes.ts";
 * import { mountName } from "../arguments.ts";
 *
 * const flags = object({
 *   names: multiple(argument(mountName(), { description: message`Only these mounts.` })),
 * });
 *
 * export const command: Command = {
 *   description: "Waits until everything written is durable in S3.",
 *   parser: map(flags, ({ names }) => async (context) => {
 *     const config = await loadConfig(context);
 *     ...
 *     context.output.show({ flushed: names }, () => `Flushed ${names.join(", ")}`);
 *     return EXIT.done;
 *   }),
 *   takesJson: true,
 *   examples: [{ line: "cloudmount flush photos", meaning: "wait for one mount" }],
 *   exitCodes: [EXIT.noDaemon, EXIT.timedOut],
 * };
 * ```
 */
import type { Parser } from "@optique/core/parser";
import type { Environment } from "./environment.ts";
import type { ExitCode } from "./exit_codes.ts";
import type { Output } from "./output.ts";

/** What the frame hands to a command that runs. */
export interface CommandContext {
  readonly environment: Environment;
  /** The only way to write to the terminal. */
  readonly output: Output;
  /**
   * Fires on Ctrl-C and SIGTERM. A command that throws the signal's reason ends with 130; one that
   * ends in an orderly way returns its own code. A second Ctrl-C ends the process at once.
   */
  readonly signal: AbortSignal;
  /** `--config FILE` as given. Use `loadConfig(context)` or `configPathOf(context)`. */
  readonly configOption: string | undefined;
}

/** A command line that was understood, ready to run. Expected failures throw a `CommandError`. */
export type Action = (context: CommandContext) => Promise<ExitCode> | ExitCode;

export interface CommandExample {
  /** The whole line, as typed. */
  readonly line: string;
  readonly meaning: string;
}

export interface Command {
  /** One or two sentences for `--help`, under the usage line. */
  readonly description: string;
  /** Options, arguments and subcommands, mapped to the action they stand for. */
  readonly parser: Parser<"sync", Action, unknown>;
  /** Whether `--json` is accepted; the action then finds it as `output.json`. */
  readonly takesJson: boolean;
  readonly examples: readonly CommandExample[];
  /** It watches SIGINT and SIGTERM itself: the frame then leaves them, and `signal` never fires. */
  readonly watchesSignals?: true;
  /** The codes it may end with besides done, failed, wrong usage and interrupted. */
  readonly exitCodes: readonly ExitCode[];
}

/** A row of the table of commands. */
export interface CommandRow {
  readonly name: string;
  /** One line for `cloudmount help`. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}
