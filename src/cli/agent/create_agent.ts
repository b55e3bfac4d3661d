/** The agent of the system at hand. */
import type { Agent } from "../../agent/agent.ts";
import { CommandError } from "../command_error.ts";
import type { Environment } from "../environment.ts";

// `deno compile --include` puts the templates into the executable, beside the modules.
const SYSTEMD_TEMPLATE = new URL("../../../systemd/cloudmount.service", import.meta.url);
const LAUNCHD_TEMPLATE = new URL("../../../launchd/cloudmount.plist", import.meta.url);

/** Throws a `CommandError` without a home directory. */
export async function createAgent(environment: Environment): Promise<Agent> {
  const { os, home, xdgConfigHome, xdgRuntimeDir } = environment;
  if (home === undefined) {
    throw new CommandError("Cannot find the place of the agent: HOME is not set", {
      hint: "Log in as the user whose folders it is to serve",
    });
  }
  const uid = Deno.uid() ?? 0;
  if (os === "darwin") {
    const { LaunchdAgent } = await import("../../agent/launchd_agent.ts");
    return new LaunchdAgent({
      directory: `${home}/Library/LaunchAgents`,
      template: await Deno.readTextFile(LAUNCHD_TEMPLATE),
      uid,
      outputPath: `${home}/Library/Logs/cloudmount/agent.log`,
    });
  }
  const { SystemdAgent } = await import("../../agent/systemd_agent.ts");
  return new SystemdAgent({
    unitDirectory: `${xdgConfigHome ?? `${home}/.config`}/systemd/user`,
    template: await Deno.readTextFile(SYSTEMD_TEMPLATE),
    uid,
    runtimeDir: xdgRuntimeDir,
  });
}
