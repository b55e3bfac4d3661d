import { object, or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { command as subcommand } from "@optique/core/primitives";
import { messageOf } from "../../base/message_of.ts";
import { ConfigError, formatProblem } from "../../config/config_error.ts";
import { formatConfig, writtenConfig } from "../../config/show_config.ts";
import type { Action, Command, CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";
import { EXIT, type ExitCode } from "../exit_codes.ts";
import { configPathOf, loadConfig } from "../load_config.ts";

// `deno compile --include` puts the file into the executable, beside the modules.
const EXAMPLE = new URL("../../../cloudmount.example.toml", import.meta.url);

const action = (run: Action) => map(object({}), () => run);

export const command: Command = {
  description: "Finds, writes, checks and shows the config file.",
  parser: or(
    subcommand("path", action(showPath), { description: message`Print where the file is.` }),
    subcommand("init", action(init), {
      description: message`Write a commented example with every key; never overwrites.`,
    }),
    subcommand("check", action(check), {
      description: message`Print everything that is wrong, with file, line and column.`,
    }),
    subcommand("show", action(show), {
      description: message`Print the config with all defaults filled in.`,
    }),
    { errors: { noMatch: message`Say what to do: path, init, check or show.` } },
  ),
  takesJson: true,
  examples: [
    { line: "cloudmount config init", meaning: "write a file to edit" },
    { line: "cloudmount config check", meaning: "after each edit" },
    { line: "cloudmount config show --config ./test.toml", meaning: "another file" },
  ],
  exitCodes: [EXIT.config],
};

async function showPath(context: CommandContext): Promise<ExitCode> {
  const path = configPathOf(context);
  const exists = await Deno.stat(path).then(() => true, () => false);
  context.output.show({ path, exists }, () => path);
  return EXIT.done;
}

async function init(context: CommandContext): Promise<ExitCode> {
  const path = configPathOf(context);
  try {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")) || "/", { recursive: true, mode: 0o700 });
    await Deno.writeFile(path, await Deno.readFile(EXAMPLE), { createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CommandError(`Cannot write ${path}: it exists`, {
        hint: "Edit it, or name another: --config FILE",
        cause: error,
      });
    }
    const reason = messageOf(error);
    throw new CommandError(`Cannot write ${path}: ${reason}`, { cause: error });
  }
  context.output.show(
    { path },
    () => `Wrote ${path}\nEdit it, then: cloudmount config check`,
  );
  return EXIT.done;
}

async function check(context: CommandContext): Promise<ExitCode> {
  const file = configPathOf(context);
  try {
    const { mounts } = await loadConfig(context);
    context.output.show(
      { file, valid: true, mounts: mounts.length, problems: [] },
      () => `${file}: ok, ${mounts.length} ${mounts.length === 1 ? "mount" : "mounts"}`,
    );
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    context.output.show(
      { file, valid: false, problems },
      () => problems.map((problem) => formatProblem(file, problem)).join("\n"),
    );
    return EXIT.config;
  }
}

async function show(context: CommandContext): Promise<ExitCode> {
  const config = await loadConfig(context);
  context.output.show(writtenConfig(config), () => formatConfig(config));
  return EXIT.done;
}
