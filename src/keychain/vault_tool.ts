/** The program through which a vault is used. */
import { messageOf } from "../base/message_of.ts";
import { MissingToolError, runTool, type ToolResult } from "../system/run_tool.ts";
import { KeychainError } from "./vault.ts";

/** What to do when it cannot be run. */
export interface VaultToolHints {
  /** When it did not end in time; also where it is missing, unless `missing` is given. */
  readonly silent: string;
  readonly missing?: string;
}

export class VaultTool {
  readonly #name: string;
  readonly #hints: VaultToolHints;

  constructor(name: string, hints: VaultToolHints) {
    this.#name = name;
    this.#hints = hints;
  }

  /** As `runTool`. Throws `KeychainError` when it cannot be run to its end, or the signal's reason. */
  async run(
    args: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
    input?: string,
  ): Promise<ToolResult> {
    try {
      return await runTool(this.#name, args, timeoutMs, signal, input);
    } catch (error) {
      signal.throwIfAborted();
      const { silent, missing = silent } = this.#hints;
      const hint = error instanceof MissingToolError ? missing : silent;
      throw new KeychainError(messageOf(error), hint, error);
    }
  }
}
