import * as shells from "@optique/core/completion";
import { object } from "@optique/core/constructs";
import { message, text } from "@optique/core/message";
import { map, multiple } from "@optique/core/modifiers";
import { type Suggestion, suggestSync } from "@optique/core/parser";
import { argument } from "@optique/core/primitives";
import { choice, string } from "@optique/core/valueparser";
import type { Command, CommandRow } from "../command.ts";
import { EXIT } from "../exit_codes.ts";
import { wholeParser } from "../parse_command.ts";
import { COMMANDS } from "./mod.ts";

const words = object({
  shell: argument(choice(["bash", "zsh", "fish", "pwsh"]), {
    description: message`The shell.`,
  }),
  line: multiple(argument(string({ metavar: "WORD" }), { hidden: true })),
});

export const command: Command = {
  description:
    "Prints a script that teaches a shell to complete cloudmount's commands and options.",
  // The script calls back `cloudmount completions SHELL -- WORDS...` for the suggestions.
  parser: map(words, ({ shell, line }) => async ({ output }) => {
    const generator = shells[shell];
    if (line.length === 0) {
      output.line(generator.generateScript("cloudmount", ["completions", shell, "--"]).trim());
      return EXIT.done;
    }
    const suggestions = await suggest(line);
    output.line([...generator.encodeSuggestions(suggestions)].join(""));
    return EXIT.done;
  }),
  takesJson: false,
  examples: [
    { line: "source <(cloudmount completions bash)", meaning: "in ~/.bashrc" },
    {
      line: "cloudmount completions fish > ~/.config/fish/completions/cloudmount.fish",
      meaning: "once",
    },
  ],
  exitCodes: [],
};

/** What may stand for the last word of `line` (the words after `cloudmount`). */
async function suggest(line: readonly string[]): Promise<readonly Suggestion[]> {
  const [first = "", ...rest] = line;
  const row = COMMANDS.find((candidate) => candidate.name === first);
  if (rest.length === 0 || row === undefined) {
    return COMMANDS.flatMap((row) => suggestCommand(row, first));
  }
  const { command: definition } = await row.load();
  const words: [string, ...string[]] = [first, ...rest];
  const suggestions = suggestSync(wholeParser(row, definition), words);
  const help: Suggestion = {
    kind: "literal",
    text: "--help",
    description: message`Explain the command.`,
  };
  const last = rest.at(-1) ?? "";
  return last.startsWith("-") && help.text.startsWith(last) ? [...suggestions, help] : suggestions;
}

function suggestCommand(row: CommandRow, prefix: string): Suggestion[] {
  if (!row.name.startsWith(prefix)) return [];
  return [{ kind: "literal", text: row.name, description: [text(row.summary)] }];
}
