/** Command lines that run in the test's own process. */
import type { Environment } from "../../src/cli/environment.ts";
import { run, type RunHost } from "../../src/cli/run.ts";
import { pathEnvironment } from "./path_environment.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Of a user who has set nothing but `more`. */
export function userEnvironment(home: string, more: Partial<Environment> = {}): Environment {
  return { ...pathEnvironment(home), noColor: true, variable: () => undefined, ...more };
}

/** Runs a command line for a user without a home, or as `host` says, and keeps what it prints. */
export async function runLine(
  args: readonly string[],
  host: Partial<RunHost> = {},
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await run(args, {
    environment: userEnvironment("/nowhere"),
    streams: {
      writeStdout: (text) => void (stdout += text),
      writeStderr: (text) => void (stderr += text),
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      columns: 80,
    },
    signal: new AbortController().signal,
    leaveSignals: () => {},
    ...host,
  });
  return { code, stdout, stderr };
}
