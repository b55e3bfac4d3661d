/** `cloudmount help`: the whole program on one page, from the table of commands. */
import type { CommandRow } from "./command.ts";
import { EXIT_MEANINGS } from "./exit_codes.ts";
import type { Style } from "./style.ts";

/** The text of `cloudmount --help`. */
export function programHelp(rows: readonly CommandRow[], style: Style): string {
  const width = Math.max(...rows.map((row) => row.name.length));
  return [
    "Cloudmount shows S3 buckets as folders.",
    "",
    `${style.bold("Usage:")} cloudmount COMMAND [OPTIONS]`,
    "",
    style.bold("Commands:"),
    ...rows.map((row) => `  ${row.name.padEnd(width)}  ${row.summary}`),
    "",
    style.bold("Options of every command:"),
    "  --config FILE  the config file, instead of the one of `cloudmount config path`",
    "  --json         print JSON, where something is shown",
    "  -h, --help     explain the command, with examples and exit codes",
    "",
    style.bold("Examples:"),
    "  cloudmount demo               try it without an account",
    "  cloudmount config init        write a config file to edit",
    "  cloudmount start              mount what the config file lists",
    "  cloudmount status             what is mounted, and what is not yet uploaded",
    "",
    style.bold("Exit codes:"),
    ...Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code.padEnd(4)}${meaning}`),
  ].join("\n");
}
