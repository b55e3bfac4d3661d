import { EXIT, type ExitCode } from "./exit_codes.ts";

/**
 * A command's expected failure: shown as one line (and the hint as a second), without a stack.
 * The message begins with the action: "Cannot stop photos: ...".
 */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;
  /** What to do about it, as a sentence. */
  readonly hint: string | undefined;

  constructor(
    message: string,
    options: { readonly exitCode?: ExitCode; readonly hint?: string; readonly cause?: unknown } =
      {},
  ) {
    super(message, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint;
  }
}

/** Arguments that parse but make no sense together, for example neither a NAME nor `--all`: exit 2. */
export class UsageError extends CommandError {
  constructor(message: string, hint?: string) {
    super(message, { exitCode: EXIT.usage, ...(hint === undefined ? {} : { hint }) });
  }
}
