/**
 * From the words of the command line to an exit code. The first word names the command; only that
 * command's file is imported, and Optique only when there is something to parse, so that
 * `cloudmount version` starts as fast as an empty program.
 */
import { messageOf } from "../base/message_of.ts";
import { nearest } from "../base/nearest.ts";
import { ConfigError } from "../config/config_error.ts";
import type { CommandRow } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { COMMANDS } from "./commands/mod.ts";
import { type Environment, readEnvironment } from "./environment.ts";
import { EXIT, type ExitCode } from "./exit_codes.ts";
import { programHelp } from "./help.ts";
import {
  ClosedOutputError,
  createOutput,
  type Output,
  type OutputStreams,
  processStreams,
} from "./output.ts";
import { versionText } from "./version.ts";

/** What a run needs of the world; a test hands in its own. */
export interface RunHost {
  readonly environment: Environment;
  readonly streams: OutputStreams;
  readonly signal: AbortSignal;
  /** Stops watching SIGINT and SIGTERM, for a command that does so itself. */
  leaveSignals(): void;
}

/** The reason of the signal when a person or the system ends the program. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** Runs the program with the process's own terminal, environment and signals. */
export async function runProcess(args: readonly string[]): Promise<ExitCode> {
  const interrupt = new AbortController();
  const onInterrupt = () => {
    if (interrupt.signal.aborted) Deno.exit(EXIT.interrupted);
    interrupt.abort(new InterruptedError("Interrupted"));
  };
  const onTerminate = () => interrupt.abort(new InterruptedError("Terminated"));
  Deno.addSignalListener("SIGINT", onInterrupt);
  Deno.addSignalListener("SIGTERM", onTerminate);
  return await run(args, {
    environment: readEnvironment(),
    streams: processStreams(),
    signal: interrupt.signal,
    leaveSignals() {
      Deno.removeSignalListener("SIGINT", onInterrupt);
      Deno.removeSignalListener("SIGTERM", onTerminate);
    },
  });
}

/** Runs one command line; never throws for what a user can cause. */
export async function run(args: readonly string[], host: RunHost): Promise<ExitCode> {
  const { noColor } = host.environment;
  const output = createOutput(host.streams, { json: false, noColor });
  try {
    const words = commandFirst(args);
    const [first, ...rest] = words;
    if (first === undefined) {
      output.note(programHelp(COMMANDS, output.style));
      return EXIT.usage;
    }
    if (first === "supervise") {
      const { supervise } = await import("./supervise.ts");
      // The exit code is the daemon's own.
      return await supervise(rest, host.signal, (line) => output.note(line)) as ExitCode;
    }
    if (rest.length === 0 && ["version", "--version", "-V"].includes(first)) {
      output.line(versionText());
      return EXIT.done;
    }
    if (first === "--help" || first === "-h" || (first === "help" && rest.length === 0)) {
      output.line(programHelp(COMMANDS, output.style));
      return EXIT.done;
    }
    if (first === "help" && !rest[0]?.startsWith("-")) {
      return await runCommand([...rest, "--help"], host, output);
    }
    return await runCommand(words, host, output);
  } catch (error) {
    return report(error, host.signal, output);
  }
}

async function runCommand(
  words: readonly string[],
  host: RunHost,
  output: Output,
): Promise<ExitCode> {
  const row = findCommand(words[0]!);
  const [{ parseCommand }, { command }] = await Promise.all([
    import("./parse_command.ts"),
    row.load(),
  ]);
  const parsed = parseCommand(row, command, words, {
    columns: output.columns,
    colors: output.style.bold("") !== "",
  });
  switch (parsed.kind) {
    case "help":
      output.line(parsed.text);
      return EXIT.done;
    case "action":
      if (command.watchesSignals) host.leaveSignals();
      return await parsed.action({
        environment: host.environment,
        output: createOutput(host.streams, {
          json: parsed.json,
          noColor: host.environment.noColor,
        }),
        signal: host.signal,
        configOption: parsed.configOption,
      });
  }
}

function findCommand(word: string): CommandRow {
  const row = COMMANDS.find((candidate) => candidate.name === word);
  if (row !== undefined) return row;
  const near = nearest(word, COMMANDS.map((candidate) => candidate.name));
  throw new CommandError(
    word.startsWith("-") ? `There is no option "${word}" here` : `There is no command "${word}"`,
    {
      exitCode: EXIT.usage,
      hint: near === undefined
        ? "See: cloudmount help"
        : `Did you mean "cloudmount ${near}"? See: cloudmount help`,
    },
  );
}

/** Options of every command may also stand before the command: they are moved behind it. */
function commandFirst(args: readonly string[]): readonly string[] {
  let at = 0;
  for (; at < args.length; at++) {
    if (args[at] === "--config") at++;
    else if (args[at] !== "--json" && !args[at]!.startsWith("--config=")) break;
  }
  return at >= args.length ? args : [args[at]!, ...args.slice(0, at), ...args.slice(at + 1)];
}

function report(error: unknown, signal: AbortSignal, output: Output): ExitCode {
  if (error instanceof ClosedOutputError) return EXIT.failed;
  if (signal.aborted && error === signal.reason) return EXIT.interrupted;
  if (error instanceof ConfigError) {
    output.error(`Cannot use the config file:\n${error.message}`);
    return EXIT.config;
  }
  if (error instanceof CommandError) {
    output.error(error.message, error.hint);
    return error.exitCode;
  }
  const text = messageOf(error);
  output.error(text);
  return EXIT.failed;
}
