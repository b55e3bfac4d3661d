import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, multiple } from "@optique/core/modifiers";
import { argument } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import type { Command } from "../command.ts";
import { UsageError } from "../command_error.ts";

const words = object({
  command: multiple(argument(string({ metavar: "COMMAND" }), {
    description: message`The command to explain, for example: config init.`,
  })),
});

// The frame answers `help` and `help COMMAND` itself; only `help` with options comes here.
export const command: Command = {
  description: "Explains the program, or one command like its --help.",
  parser: map(words, () => () => {
    throw new UsageError("Options have no meaning here", "Write: cloudmount help [COMMAND]");
  }),
  takesJson: false,
  examples: [
    { line: "cloudmount help", meaning: "all commands" },
    { line: "cloudmount help config init", meaning: "one command" },
  ],
  exitCodes: [],
};
