/**
 * A command's arguments through Optique. Kept apart from run.ts because importing Optique costs more
 * than the rest of a short command.
 */
import { object } from "@optique/core/constructs";
import { runParserSync } from "@optique/core/facade";
import { formatMessage, message, text } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import type { Parser } from "@optique/core/parser";
import { command, constant, option } from "@optique/core/primitives";
import { path } from "./arguments.ts";
import type { Action, Command, CommandRow } from "./command.ts";
import { UsageError } from "./command_error.ts";
import { EXIT, EXIT_MEANINGS, type ExitCode } from "./exit_codes.ts";

export type ParsedCommand =
  | {
    readonly kind: "action";
    readonly action: Action;
    readonly configOption: string | undefined;
    readonly json: boolean;
  }
  | { readonly kind: "help"; readonly text: string };

interface Arguments {
  readonly action: Action;
  readonly globals: { readonly configOption: string | undefined; readonly json: boolean };
}

/** The command with its word and the options that every command takes. */
export function wholeParser(row: CommandRow, definition: Command): Parser<"sync", Arguments> {
  const configOption = optional(option("--config", path("FILE"), {
    description: message`The config file, instead of the one of "cloudmount config path".`,
  }));
  const json = option("--json", { description: message`Print JSON.` });
  return command(
    row.name,
    object({
      action: definition.parser,
      globals: object("Options of every command", {
        configOption,
        json: definition.takesJson ? json : constant(false),
      }),
    }),
    { description: [text(definition.description)] },
  );
}

/** Parses what follows `cloudmount`; `args` starts with the command's name. Throws a `UsageError`. */
export function parseCommand(
  row: CommandRow,
  definition: Command,
  args: readonly string[],
  terminal: { readonly columns: number; readonly colors: boolean },
): ParsedCommand {
  let help = "";
  // Set by the callbacks, whose results the types of runParserSync leave out.
  let instead: ParsedCommand | undefined;
  const parsed = runParserSync(wholeParser(row, definition), "cloudmount", args, {
    colors: terminal.colors,
    maxWidth: terminal.columns,
    showDefault: true,
    showChoices: true,
    aboveError: "none",
    help: {
      option: { names: ["--help", "-h"] },
      onShow: () => {
        instead = { kind: "help", text: `${help}\n\n${helpFooter(definition)}` };
      },
    },
    stdout: (text) => help = text.trimEnd(),
    stderr: () => {},
    onError: (_, error): never => {
      throw new UsageError(
        formatMessage(error, { quotes: true }).replaceAll("\n\n", " "),
        `See: cloudmount ${row.name} --help`,
      );
    },
  });
  return instead ?? { kind: "action", action: parsed.action, ...parsed.globals };
}

/** The examples and exit codes of a command's `--help`. */
function helpFooter(definition: Command): string {
  const codes = new Set<ExitCode>([
    EXIT.done,
    EXIT.failed,
    EXIT.usage,
    ...definition.exitCodes,
    EXIT.interrupted,
  ]);
  const width = Math.max(...definition.examples.map((example) => example.line.length));
  return [
    "Examples:",
    ...definition.examples.map((example) => `  ${example.line.padEnd(width)}  ${example.meaning}`),
    "",
    "Exit codes:",
    ...[...codes].map((code) => `  ${String(code).padEnd(4)}${EXIT_MEANINGS[code]}`),
  ].join("\n");
}
