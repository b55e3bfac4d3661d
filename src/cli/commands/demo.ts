import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/message_of.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { watchEndSignals } from "../../daemon/signals.ts";
import type { Command, CommandContext } from "../command.ts";
import { CommandError } from "../command_error.ts";
import { programCommand } from "../program_command.ts";
import { DEMO_BUCKETS, SMALL_FILES } from "../demo/content.ts";
import { DemoStage } from "../demo/stage.ts";
import { Steps } from "../demo/steps.ts";
import { EXIT, type ExitCode } from "../exit_codes.ts";
import { describeTrouble } from "./_control.ts";

/** How often the waiting demo looks after its processes. */
const LOOK_MS = 1000;

const flags = object({
  check: option("--check", {
    description: message`Use the folders, compare with S3, and end: exit 0 only if all held.`,
  }),
  keep: option("--keep", {
    description: message`Leave the temporary directory (buckets, config, log) there at the end.`,
  }),
});

export const command: Command = {
  description:
    "Shows it all without an account: starts an S3 server on this machine with two buckets, " +
    "mounts them, and removes everything at Ctrl-C.",
  parser: map(flags, ({ check, keep }) => (context) => runDemo(context, check, keep)),
  takesJson: true,
  watchesSignals: true,
  examples: [
    { line: "cloudmount demo", meaning: "two folders to play with" },
    { line: "cloudmount demo --check", meaning: "does everything work on this machine?" },
  ],
  exitCodes: [],
};

async function runDemo(context: CommandContext, check: boolean, keep: boolean): Promise<ExitCode> {
  const { output } = context;
  // Whatever signals come, the mounts are removed before the process ends.
  using signals = watchEndSignals();
  const steps = new Steps(output, signals.end);
  const stage = await DemoStage.create(context.environment);
  let failure: unknown;
  try {
    await play(context, stage, steps, check, signals.end);
  } catch (error) {
    failure = error;
  }
  try {
    await stage.close(keep);
    if (keep) output.note(`Kept: ${stage.directory}`);
  } catch (error) {
    failure ??= error;
  }
  if (output.json) output.show({ ok: failure === undefined, steps: steps.results }, () => "");
  if (failure === undefined) return EXIT.done;
  if (failure === signals.end.reason) return EXIT.interrupted;
  throw failure instanceof CommandError ? failure : new CommandError(
    `The demo failed: ${messageOf(failure)}`,
    { cause: failure, ...(keep ? {} : { hint: "To see its log: cloudmount demo --check --keep" }) },
  );
}

async function play(
  context: CommandContext,
  stage: DemoStage,
  steps: Steps,
  check: boolean,
  signal: AbortSignal,
): Promise<void> {
  await steps.run("start an S3 server", () => stage.startServer());
  await steps.run(
    `fill two buckets (${SMALL_FILES} small files, one of 64 MiB)`,
    async (signal) => {
      for (const bucket of DEMO_BUCKETS) await stage.fill(bucket, signal);
    },
  );
  await steps.run("start a daemon that mounts both", async (signal) => {
    assertMounted(await stage.startDaemon(signal));
  });
  if (check) {
    const { checkRound } = await import("../demo/check.ts");
    await checkRound(stage, steps);
  } else {
    context.output.line(whatToTry(stage, context));
    await interrupted(stage, signal);
  }
  const closing = new AbortController().signal;
  await new Steps(context.output, closing).run(
    "unmount both and stop the daemon",
    async (signal) => {
      await stage.stopDaemon(signal);
      for (const { name } of DEMO_BUCKETS) {
        if (await stage.isMounted(name)) throw new Error(`"${name}" is still mounted`);
      }
    },
  );
}

function assertMounted(status: StatusDocument): void {
  for (const { name, state, error } of status.mounts) {
    if (state === "mounted") continue;
    const why = error === null ? "" : `: ${describeTrouble(error)}`;
    throw new Error(`Cannot mount "${name}": it is ${state}${why}`);
  }
}

function whatToTry(stage: DemoStage, { output: { style } }: CommandContext): string {
  const documents = stage.mountPoint("documents");
  const photos = stage.mountPoint("photos");
  return `
${style.bold("Two buckets are now folders:")}
  ${documents}
  ${photos}

${style.bold("Try in another terminal:")}
  ls -l '${documents}'
  cat '${documents}/Read me first.txt'
  ls '${documents}/sensors' | wc -l
  sha256sum '${documents}/archive/'*
  echo hello > '${documents}/hello.txt'
  find '${photos}' -type f
  ${programCommand().join(" ")} status --config '${stage.configPath}'

The S3 endpoint is ${stage.endpoint}. Press Ctrl-C to unmount and remove everything.`;
}

/** Waits for Ctrl-C. Throws when the daemon or the S3 server ends before. */
async function interrupted(stage: DemoStage, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (stage.lostProcess !== undefined) throw new Error(`${stage.lostProcess} has ended`);
    await systemClock.sleep(LOOK_MS, signal).catch(() => {});
  }
}
