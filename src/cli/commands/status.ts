import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { choice } from "@optique/core/valueparser";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/message_of.ts";
import type { ControlClient } from "../../control/client.ts";
import { NoDaemonError } from "../../control/client.ts";
import type { MountState, MountStatus, StatusDocument } from "../../control/protocol.ts";
import { mountName } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { UsageError } from "../command_error.ts";
import { programCommand } from "../program_command.ts";
import { EXIT, type ExitCode } from "../exit_codes.ts";
import { configPathOf } from "../load_config.ts";
import { findMount, withDaemon } from "./_control.ts";
import { statusText } from "./_status_text.ts";
import { WatchText } from "./_watch_text.ts";
import { xbarMenu, xbarMenuWithout } from "./_xbar.ts";

const WATCH_MS = 1000;

const flags = object({
  name: optional(argument(mountName(), { description: message`Only this mount.` })),
  watch: option("--watch", {
    description: message`Show what flows, again every second until Ctrl-C.`,
  }),
  format: optional(option("--format", choice(["table", "json", "xbar"]), {
    description: message`xbar: as a menu for xbar or SwiftBar on macOS.`,
  })),
});

export const command: Command = {
  description: "Shows the daemon and its mounts.",
  parser: map(flags, ({ name, watch, format }) => async (given) => {
    const context = format === "json" ? { ...given, output: given.output.asJson() } : given;
    if (format === "xbar") {
      if (watch || given.output.json) {
        throw new UsageError("Cannot take --format xbar with --watch or --json");
      }
      return await showMenu(context);
    }
    return await withDaemon(context, async (client) => {
      const status = await statusOf(client, name, context.signal);
      if (watch) return await showAgainAndAgain(context, client, name, status);
      context.output.show(status, () => statusText(status, context.output.style));
      return status.mounts.every(isFine) ? EXIT.done : EXIT.unhealthy;
    });
  }),
  takesJson: true,
  examples: [
    { line: "cloudmount status", meaning: "a table" },
    { line: "cloudmount status photos --json", meaning: "everything about one mount" },
    { line: "cloudmount status --watch", meaning: "follow it" },
  ],
  exitCodes: [EXIT.config, EXIT.noDaemon, EXIT.unhealthy],
};

async function statusOf(
  client: ControlClient,
  name: string | undefined,
  signal: AbortSignal,
): Promise<StatusDocument> {
  const whole = await client.status(signal);
  return name === undefined ? whole : { ...whole, mounts: [findMount(whole, name)] };
}

/** Until the signal fires; a daemon that is being started anew is waited for. */
async function showAgainAndAgain(
  { output, signal }: CommandContext,
  client: ControlClient,
  name: string | undefined,
  first: StatusDocument,
): Promise<never> {
  using screen = output.screen();
  const text = new WatchText();
  for (let status: StatusDocument | undefined = first;; status = await next()) {
    if (status === undefined) screen.draw(null, () => "No daemon answers: waiting for it");
    else {
      const { style } = output;
      const now = status;
      screen.draw(now, () => text.next(now, systemClock.monotonicMs(), style));
    }
    await systemClock.sleep(WATCH_MS, signal);
  }

  async function next(): Promise<StatusDocument | undefined> {
    try {
      return await statusOf(client, name, signal);
    } catch (error) {
      if (error instanceof NoDaemonError) return undefined;
      throw error;
    }
  }
}

/** A plugin that fails shows no menu: every failure is a menu of its own. */
async function showMenu(context: CommandContext): Promise<ExitCode> {
  const { output, signal, configOption } = context;
  const options = configOption === undefined ? [] : ["--config", configPathOf(context)];
  const program = { words: programCommand(), options };
  try {
    await withDaemon(context, async (client) => {
      output.line(xbarMenu(await client.status(signal), program));
    });
  } catch (error) {
    signal.throwIfAborted();
    const reason = messageOf(error);
    output.line(xbarMenuWithout(reason, program));
  }
  return EXIT.done;
}

/**
 * Conflicts, and what was set aside, do not count: the mount works, nothing of it is getting worse, and
 * both files stay until somebody has looked at them. A monitor that is red for weeks is not looked at.
 */
const FINE: readonly MountState[] = ["mounted", "stopped", "draining"];

function isFine(mount: MountStatus): boolean {
  return FINE.includes(mount.state);
}
