/** The config file that a command line means. */
import { configFilePath } from "../config/paths.ts";
import { ConfigError } from "../config/config_error.ts";
import { salvageConfig } from "../config/parse.ts";
import { readConfig, readConfigText } from "../config/read_config.ts";
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

/** A config that has errors, and how to reach a daemon that goes on with an earlier one. */
export interface BrokenConfig {
  readonly error: ConfigError;
  readonly salvaged: Config;
}

/** As `loadConfig`, for commands that only talk to a daemon: that need not stop for errors in the file. */
export async function loadForDaemon(context: CommandContext): Promise<Config | BrokenConfig> {
  const path = configPathOf(context);
  try {
    return await readConfig(path, context.environment);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const text = await readConfigText(path).catch(() => "");
    const salvaged = salvageConfig(text, path, context.environment);
    if (salvaged === undefined) throw error;
    return { error, salvaged };
  }
}

/** Reads and checks the config; its errors end the command with exit code 3. */
export function loadConfig(context: CommandContext): Promise<Config> {
  return readConfig(configPathOf(context), context.environment);
}
