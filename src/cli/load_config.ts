/** The config file that a command line means. */
import { configFilePath } from "../config/paths.ts";
import { readConfig } from "../config/read_config.ts";
import type { Config } from "../config/types.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { EXIT } from "./exit_codes.ts";

/** The path of the config file, whether it exists or not. */
export function configPathOf(context: CommandContext): string {
  const path = configFilePath(context.environment, context.configOption);
  if (path !== undefined) return path;
  throw new CommandError("Cannot find the config file: HOME is not set", {
    exitCode: EXIT.config,
    hint: "Name it: --config FILE",
  });
}

/** Reads and checks the config; its errors end the command with exit code 3. */
export function loadConfig(context: CommandContext): Promise<Config> {
  return readConfig(configPathOf(context), context.environment);
}
