/** The Secret Service of a Linux desktop (GNOME Keyring, KWallet, KeePassXC) through secret-tool(1). */
import { MissingToolError, runTool, type ToolResult } from "../system/run_tool.ts";
import { KeychainError, type Vault } from "./vault.ts";

/** The user may be asked to unlock the keyring. */
const WRITE_MS = 60_000;
/** The daemon does not wait for somebody who is not there. */
const READ_MS = 10_000;

export class SecretServiceVault implements Vault {
  readonly name = "secret-service";
  readonly place = "the keyring of this desktop (Secret Service)";

  async seal(profile: string, secret: string, signal: AbortSignal): Promise<string> {
    const args = ["store", `--label=Cloudmount: ${profile}`, ...itemOf(profile)];
    const { code, stderr } = await run(args, WRITE_MS, signal, secret);
    if (code !== 0) throw failure("Cannot write to the keyring", stderr);
    return "";
  }

  async open(profile: string, _sealed: string, signal: AbortSignal): Promise<string | undefined> {
    const { code, stdout, stderr } = await run(["lookup", ...itemOf(profile)], READ_MS, signal);
    if (code === 0) return stdout.trim();
    if (stderr === "") return undefined;
    throw failure("Cannot read the keyring", stderr);
  }

  async remove(profile: string, _sealed: string, signal: AbortSignal): Promise<void> {
    const { code, stderr } = await run(["clear", ...itemOf(profile)], WRITE_MS, signal);
    if (code !== 0 && stderr !== "") throw failure("Cannot delete from the keyring", stderr);
  }
}

function itemOf(profile: string): string[] {
  return ["service", "cloudmount", "account", profile];
}

async function run(
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
  input?: string,
): Promise<ToolResult> {
  try {
    return await runTool("secret-tool", args, timeoutMs, signal, input);
  } catch (error) {
    signal.throwIfAborted();
    const hint = error instanceof MissingToolError
      ? "Install it: sudo apt install libsecret-tools (or: dnf install libsecret)"
      : "Is a window asking for the password of the keyring?";
    throw new KeychainError(error instanceof Error ? error.message : String(error), hint, error);
  }
}

function failure(action: string, stderr: string): KeychainError {
  return new KeychainError(
    `${action}: ${stderr || "no reason given"}`,
    "Log in at the desktop whose keyring it is, or unlock it there",
  );
}
