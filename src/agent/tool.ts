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
 * Runs `name`, found on PATH, without input and in English. Throws `MissingToolError`, the signal's
 * reason, or after `timeoutMs` an error that says so.
 */
export async function runTool(
  name: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ToolResult> {
  const line = [name, ...args].join(" ");
  signal.throwIfAborted();
  using deadline = new Deadline(signal, timeoutMs);
  try {
    const { code, stdout, stderr } = await new Deno.Command(name, {
      args: [...args],
      env: { LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: deadline.signal,
    }).output();
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
