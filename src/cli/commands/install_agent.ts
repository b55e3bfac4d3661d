import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import type { Agent, AgentProgram, Installed } from "../../agent/agent.ts";
import type { Config } from "../../config/types.ts";
import { ControlClient } from "../../control/client.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { agentProgram, secretVariables } from "../agent/agent_program.ts";
import { createAgent } from "../agent/create_agent.ts";
import { isLingering } from "../agent/linger.ts";
import { guardedFolder } from "../agent/protected_folders.ts";
import { STARTED_BY_AGENT } from "../agent/start_daemon.ts";
import type { Command, CommandContext } from "../command.ts";
import { CommandError, UsageError } from "../command_error.ts";
import { statusIfAny, waitForDaemon, waitUntilGone } from "../daemon_process.ts";
import { EXIT, type ExitCode } from "../exit_codes.ts";
import { configPathOf, loadConfig } from "../load_config.ts";
import { printable } from "../printable.ts";
import { fromAgent } from "./_agent.ts";
import { describeTrouble, toCommandError } from "./_control.ts";
import { succeeded } from "./_succeeded.ts";

/** What a daemon that runs outside the agent gets to finish its uploads. */
const DRAIN_MS = 60_000;

const flags = object({
  print: option("--print", {
    description: message`Show what would be written, and where; change nothing.`,
  }),
  now: option("--now", {
    description: message`Start the daemon at once. This is the default.`,
  }),
  noStart: option("--no-start", {
    description: message`Leave the daemon as it is: the agent begins at the next login.`,
  }),
});

export const command: Command = {
  description:
    "Has the system start the daemon at login, and again after a crash: as a systemd user unit on " +
    "Linux, as a LaunchAgent on macOS. Run it again after an update of cloudmount: the daemon is " +
    "restarted only if something has changed.",
  parser: map(flags, ({ print, now, noStart }) => async (context) => {
    if (now && noStart) throw new UsageError("Cannot take both --now and --no-start");
    const agent = await createAgent(context.environment);
    const program = await agentProgram(context.environment, configPathOf(context));
    return print
      ? await showFile(context, agent, program)
      : await install(context, agent, program, !noStart);
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount install-agent", meaning: "mount everything now and at every login" },
    { line: "cloudmount install-agent --print", meaning: "see what would be written" },
    { line: "cloudmount install-agent --no-start", meaning: "from the next login on" },
  ],
  exitCodes: [EXIT.config, EXIT.timedOut],
};

async function showFile(
  { output, signal }: CommandContext,
  agent: Agent,
  program: AgentProgram,
): Promise<ExitCode> {
  const file = await fromAgent(agent.describe(program, signal));
  output.note(`${file.path}:`);
  output.show(file, () => file.text.trimEnd());
  return EXIT.done;
}

async function install(
  context: CommandContext,
  agent: Agent,
  program: AgentProgram,
  start: boolean,
): Promise<ExitCode> {
  const { environment, output, signal } = context;
  const config = await loadConfig(context);
  if (environment.os === "darwin") refuseGuardedFolders(config, environment.home ?? "");
  if (start) await endOtherDaemon(context, config, agent);
  const succeed = async () => {
    using client = new ControlClient(config.daemon.socket);
    const running = await statusIfAny(client, signal);
    return running !== undefined && await succeeded(config, running, signal) !== undefined;
  };
  const installed = await fromAgent(agent.install(program, { start, succeed }, signal));
  const status = start ? await waitForDaemon(config, STARTED_BY_AGENT, signal) : null;
  const missing = await fromAgent(
    agent.missingVariables(secretVariables(config, environment.variable), signal),
  );
  const linger = environment.os === "linux"
    ? await isLingering(Deno.uid() ?? 0, signal) ?? null
    : null;
  output.show(
    { ...installed, linger, missing_variables: missing, status },
    () => installedText(installed, status),
  );
  for (const { name, state, error } of status?.mounts ?? []) {
    if (error !== null) output.warning(`${name} is ${state}: ${describeTrouble(error)}`);
  }
  if (missing.length > 0) {
    output.warning(
      `The agent's daemon does not see ${
        missing.join(", ")
      } of this shell. Put credentials where ` +
        "the AWS tools keep them: aws configure",
    );
  }
  if (linger === false) {
    output.warning(
      "The folders are there as long as you are logged in. To have them from boot on and after " +
        "logout too: loginctl enable-linger",
    );
  }
  if (!Deno.build.standalone) {
    output.warning(
      `The agent runs the source code at ${
        program.command.at(-4)
      }, and does not notice when that ` +
        "changes. For daily use install the executable: see README",
    );
  }
  return EXIT.done;
}

function installedText(installed: Installed, status: StatusDocument | null): string {
  const { path, changed, daemon } = installed;
  const first = changed ? `Wrote ${path}` : `${path} is up to date`;
  const pid = `(pid ${status?.pid})`;
  const second = {
    started: `The daemon runs ${pid}, now and after every login`,
    restarted: `The daemon was restarted ${pid}`,
    unchanged: `The daemon runs on ${pid}`,
    left: "The agent begins at the next login; a daemon that runs goes on as it is",
  }[daemon];
  const mounted = (status?.mounts ?? [])
    .filter(({ state }) => state === "mounted" || state === "degraded")
    .map(({ name, mount_point }) => printable(`  ${name} is mounted at ${mount_point}`));
  return [first, second, ...mounted].join("\n");
}

/** A daemon that was started by hand makes room for the agent's. */
async function endOtherDaemon(
  { output, signal }: CommandContext,
  config: Config,
  agent: Agent,
): Promise<void> {
  using client = new ControlClient(config.daemon.socket);
  const status = await statusIfAny(client, signal);
  if (status === undefined) return;
  const { pid } = await fromAgent(agent.state(signal));
  if (status.pid === pid) return;
  output.note(`Ending the daemon that was started by hand (pid ${status.pid})`);
  try {
    await client.shutdown({ timeoutMs: DRAIN_MS, force: false }, signal);
  } catch (error) {
    throw toCommandError(error);
  }
  await waitUntilGone(config, signal);
}

function refuseGuardedFolders(config: Config, home: string): void {
  for (const { name, mountPoint } of config.mounts) {
    const guarded = guardedFolder(mountPoint, home);
    if (guarded === undefined) continue;
    throw new CommandError(
      `Cannot install the agent: "${name}" is to be mounted at "${mountPoint}", and macOS guards ${guarded}`,
      {
        exitCode: EXIT.config,
        hint: `Choose another mount point, for example "~/CloudMount/${name}"`,
      },
    );
  }
}
