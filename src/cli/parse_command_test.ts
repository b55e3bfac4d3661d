import assert from "node:assert/strict";
import { object } from "@optique/core/constructs";
import { map, multiple } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { mountName } from "./arguments.ts";
import type { Command, CommandContext, CommandRow } from "./command.ts";
import { UsageError } from "./command_error.ts";
import { EXIT } from "./exit_codes.ts";
import { parseCommand } from "./parse_command.ts";

const flags = object({
  all: option("--all"),
  names: multiple(argument(mountName())),
});

let seen: unknown;

const COMMAND: Command = {
  description: "Does things.",
  parser: map(flags, (given) => () => {
    seen = given;
    return EXIT.done;
  }),
  takesJson: false,
  examples: [{ line: "cloudmount do a", meaning: "once" }],
  exitCodes: [EXIT.timedOut, EXIT.failed],
};

const ROW: CommandRow = {
  name: "do",
  summary: "do things",
  load: () => Promise.resolve({ command: COMMAND }),
};

const parse = (...args: string[]) =>
  parseCommand(ROW, COMMAND, ["do", ...args], { columns: 80, colors: false });

Deno.test("Arguments arrive at the action, options of every command at the frame", async () => {
  const parsed = parse("a", "--config", "c.toml", "--all", "b", "--", "--c");
  assert.ok(parsed.kind === "action");
  assert.deepEqual([parsed.configOption, parsed.json], ["c.toml", false]);
  // The action of this command looks at nothing of its context.
  assert.equal(await parsed.action({} as CommandContext), 0);
  assert.deepEqual(seen, { all: true, names: ["a", "b", "--c"] });
});

Deno.test("Options may be joined to their values", () => {
  const parsed = parse("--config=c.toml");
  assert.ok(parsed.kind === "action" && parsed.configOption === "c.toml");
});

Deno.test("What is not understood is wrong usage, with the way to the help", () => {
  for (const args of [["--al"], ["--json"], ["--config"], ["--config", ""], [""]]) {
    assert.throws(() => parse(...args), (error: unknown) => {
      assert.ok(error instanceof UsageError && error.exitCode === 2, String(error));
      assert.equal(error.hint, "See: cloudmount do --help");
      return true;
    });
  }
});

Deno.test("Help names each exit code once", () => {
  const parsed = parse("--help");
  assert.ok(parsed.kind === "help");
  assert.match(
    parsed.text,
    /Examples:\n {2}cloudmount do a {2}once\n\nExit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}6 .*\n {2}130 .*$/,
  );
});
