import assert from "node:assert/strict";
import { ConfigError } from "../config/config_error.ts";
import type { CommandContext } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readEnvironment } from "./environment.ts";
import { configPathOf, loadConfig } from "./load_config.ts";
import { createOutput, processStreams } from "./output.ts";

function context(configOption: string | undefined, configFile?: string): CommandContext {
  return {
    environment: {
      ...readEnvironment(),
      home: undefined,
      xdgConfigHome: undefined,
      configFile,
      workingDirectory: "/work",
    },
    output: createOutput(processStreams(), { json: false, noColor: true }),
    signal: new AbortController().signal,
    configOption,
  };
}

Deno.test("--config goes before CLOUDMOUNT_CONFIG, and both may be relative", () => {
  assert.equal(configPathOf(context("a.toml", "b.toml")), "/work/a.toml");
  assert.equal(configPathOf(context(undefined, "b.toml")), "/work/b.toml");
});

Deno.test("Without any place for the config the command ends with 3", () => {
  assert.throws(
    () => configPathOf(context(undefined)),
    (error: unknown) => error instanceof CommandError && error.exitCode === 3,
  );
});

Deno.test("A config that is wrong is a ConfigError with the file's path", async () => {
  await assert.rejects(
    loadConfig(context("/nowhere/c.toml")),
    (error: unknown) => error instanceof ConfigError && error.file === "/nowhere/c.toml",
  );
});
