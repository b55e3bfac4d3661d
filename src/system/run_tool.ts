/** Runs a program of the system to its end. */
import { Deadline } from "../base/clock.ts";

export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program is not installed. */
export class MissingToolError extends Error {
  override readonly name = "MissingToolError";
}

/**
 * Runs `name`, found on PATH, in English. `input` is what it reads, nothing by default: the place for
 * secrets, since arguments are shown to everybody and stand in errors. Throws `MissingToolError`, the
 * signal's reason, or after `timeoutMs` an error that says so.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
  input?: string,
): Promise<ToolResult> {
  const line = [name, ...args].join(" ");
  signal.throwIfAborted();
  using deadline = new Deadline(signal, timeoutMs);
  try {
    const child = new Deno.Command(name, {
      args: [...args],
      env: { LC_ALL: "C" },
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
      signal: deadline.signal,
    }).spawn();
    const [{ code, stdout, stderr }] = await Promise.all([
      child.output(),
      input === undefined ? undefined : feed(child, input),
    ]);
    signal.throwIfAborted();
    if (deadline.signal.aborted) {
      throw new Error(`Cannot run "${line}": it did not end within ${timeoutMs / 1000} s`);
    }
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr).trim() };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new MissingToolError(`Cannot run "${line}": ${name} is not installed`, { cause: error });
  }
}

/** A program that ends before it has read everything says why by its code. */
async function feed({ stdin }: Deno.ChildProcess, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
