/**
 * The only writer of stdout and stderr. Results go to stdout, as text or (with `--json`) as JSON;
 * everything said about the work goes to stderr, so that a pipe gets results only.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { printable } from "./printable.ts";
import { ProgressLine } from "./progress_line.ts";
import { Screen } from "./screen.ts";
import { PLAIN, type Style, STYLED } from "./style.ts";

export interface Output {
  /** `--json` was given: write with `show` only. */
  readonly json: boolean;
  /** A person reads stdout: it is a terminal, and the output is not JSON. */
  readonly interactive: boolean;
  /** Columns of the terminal; 80 when there is none. */
  readonly columns: number;
  /** Colours for stdout; they do nothing in a pipe and with NO_COLOR. */
  readonly style: Style;
  /** A result: `value` as one JSON document with `--json`, else the text. */
  show(value: unknown, text: () => string): void;
  /** A line of text on stdout. */
  line(text?: string): void;
  /** A question on stderr, whose answer goes into the same line. */
  prompt(text: string): void;
  /**
   * For what is shown again and again: drawn over the last picture on a terminal, one below the other in a
   * pipe, and only when it has changed there; a line of JSON each with `--json`.
   */
  screen(): LiveOutput;
  /** The same output as if `--json` was given. */
  asJson(): Output;
  /** A remark on stderr. */
  note(text: string): void;
  /** Something is wrong, but the command goes on. */
  warning(text: string): void;
  /** Why the command failed, and in `hint` what to do. */
  error(text: string, hint?: string): void;
  /** A line that follows long work on stderr when that is a terminal; silent in a pipe. */
  progress(label: string, totalBytes?: number): ProgressLine;
}

/** A result that changes. Leaves the terminal as it was when it is disposed of. */
export interface LiveOutput extends Disposable {
  draw(value: unknown, text: () => string): void;
}

/** Where an `Output` writes; the process's own streams, or a test's. */
export interface OutputStreams {
  writeStdout(text: string): void;
  writeStderr(text: string): void;
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly columns: number;
  /** Lines of the terminal now; absent: no end of them. */
  rows?(): number;
}

/** Nobody reads stdout any more (`cloudmount ... | head`): the command has nothing left to do. */
export class ClosedOutputError extends Error {
  override readonly name = "ClosedOutputError";
}

/** The process's stdout and stderr. */
export function processStreams(): OutputStreams {
  const stdoutIsTerminal = Deno.stdout.isTerminal();
  return {
    writeStdout: (text) => writeAll(Deno.stdout, text),
    writeStderr: (text) => writeAll(Deno.stderr, text),
    stdoutIsTerminal,
    stderrIsTerminal: Deno.stderr.isTerminal(),
    columns: stdoutIsTerminal ? Deno.consoleSize().columns : 80,
    rows: () => stdoutIsTerminal ? Deno.consoleSize().rows : Infinity,
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += stream.writeSync(bytes.subarray(at));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) throw new ClosedOutputError("stdout is closed");
      throw error;
    }
  }
}

/** An output on `streams`. */
export function createOutput(
  streams: OutputStreams,
  options: { readonly json: boolean; readonly noColor: boolean; readonly clock?: Clock },
): Output {
  const stderrStyle = streams.stderrIsTerminal && !options.noColor ? STYLED : PLAIN;
  const interactive = streams.stdoutIsTerminal && !options.json;
  const line = (text = "") => streams.writeStdout(`${text}\n`);
  const note = (text: string) => streams.writeStderr(`${text}\n`);
  return {
    json: options.json,
    interactive,
    columns: streams.columns,
    style: interactive && !options.noColor ? STYLED : PLAIN,
    line,
    prompt: (text) => streams.writeStderr(text),
    note,
    show: (value, text) => line(options.json ? JSON.stringify(value, null, 2) : text()),
    screen: () => {
      if (options.json) return streamed((value) => JSON.stringify(value), line);
      if (!interactive) return streamed((_, text) => text(), line);
      const screen = new Screen(streams.writeStdout, () => streams.rows?.() ?? Infinity);
      return {
        draw: (_, text) => screen.draw(text()),
        [Symbol.dispose]: () => screen[Symbol.dispose](),
      };
    },
    asJson: () => createOutput(streams, { ...options, json: true }),
    warning: (text) => note(`${stderrStyle.yellow("Warning:")} ${printable(text)}`),
    error: (text, hint) => {
      note(`${stderrStyle.red("Error:")} ${printable(text)}`);
      if (hint !== undefined) note(`${stderrStyle.bold("Hint:")} ${printable(hint)}`);
    },
    progress: (label, totalBytes) =>
      new ProgressLine({
        label,
        totalBytes,
        clock: options.clock ?? systemClock,
        write: streams.stderrIsTerminal ? streams.writeStderr : undefined,
        columns: streams.columns,
      }),
  };
}

/** One picture below the other, but for those that are like the last one. */
function streamed(
  picture: (value: unknown, text: () => string) => string,
  line: (text: string) => void,
): LiveOutput {
  let last: string | undefined;
  return {
    draw: (value, text) => {
      const now = picture(value, text);
      if (now !== last) line(now);
      last = now;
    },
    [Symbol.dispose]: () => {},
  };
}
