/** What an agent is to run: this program, as it is called now. */
import { createHash } from "node:crypto";
import type { AgentProgram } from "../../agent/agent.ts";
import type { Config } from "../../config/types.ts";
import { DAEMON_VARIABLES, programCommand } from "../program_command.ts";
import type { Environment } from "../environment.ts";
import { VERSION } from "../version.ts";

/**
 * Variables that say where things are, handed over so that the agent's daemon finds what this one
 * would. No secrets: the agent's description is a readable file.
 */
const HANDED_OVER = [
  "XDG_STATE_HOME",
  "XDG_CACHE_HOME",
  "AWS_PROFILE",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_CONFIG_FILE",
  "AWS_SHARED_CREDENTIALS_FILE",
];
/** Credentials in the environment, which the AWS chain looks for first. */
const SECRETS = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/** `cloudmount run` with this executable and config file. */
export async function agentProgram(
  environment: Environment,
  configPath: string,
): Promise<AgentProgram> {
  const command = [...programCommand(), "run", "--config", configPath];
  const handedOver = HANDED_OVER.flatMap((name) => {
    const value = environment.variable(name);
    return value === undefined || value === "" ? [] : [[name, value]];
  });
  return {
    command,
    build: `${VERSION} ${await sha256(command[0]!)}`,
    environment: { ...DAEMON_VARIABLES, ...Object.fromEntries(handedOver) },
  };
}

/**
 * Variables whose values are secrets and that the daemon would need: the config names them, or they are
 * set here and the AWS chain would use them.
 */
export function secretVariables(
  config: Config,
  variable: (name: string) => string | undefined,
): readonly string[] {
  const names = config.mounts.filter(({ enabled }) => enabled).flatMap(({ credentials }) => {
    switch (credentials.kind) {
      case "env":
        return [credentials.accessKeyIdEnv, credentials.secretAccessKeyEnv];
      case "chain":
        return SECRETS.filter((name) => (variable(name) ?? "") !== "");
      default:
        return [];
    }
  });
  return [...new Set(names)];
}

/** Of the executable, so that another build at the same path is known as such. */
async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (;;) {
    const got = await file.read(buffer);
    if (got === null) return hash.digest("hex");
    hash.update(buffer.subarray(0, got));
  }
}
