/** The Secret Service of a Linux desktop (GNOME Keyring, KWallet, KeePassXC) through secret-tool(1). */
import { KeychainError, type Vault } from "./vault.ts";
import { VaultTool } from "./vault_tool.ts";

/** The user may be asked to unlock the keyring. */
const WRITE_MS = 60_000;
/** The daemon does not wait for somebody who is not there. */
const READ_MS = 10_000;

const TOOL = new VaultTool("secret-tool", {
  missing: "Install it: sudo apt install libsecret-tools (or: dnf install libsecret)",
  silent: "Is a window asking for the password of the keyring?",
});

export class SecretServiceVault implements Vault {
  readonly name = "secret-service";
  readonly place = "the keyring of this desktop (Secret Service)";

  async seal(profile: string, secret: string, signal: AbortSignal): Promise<string> {
    const args = ["store", `--label=Cloudmount: ${profile}`, ...itemOf(profile)];
    const { code, stderr } = await TOOL.run(args, WRITE_MS, signal, secret);
    if (code !== 0) throw failure("Cannot write to the keyring", stderr);
    return "";
  }

  async open(profile: string, _sealed: string, signal: AbortSignal): Promise<string | undefined> {
    const { code, stdout, stderr } = await TOOL.run(
      ["lookup", ...itemOf(profile)],
      READ_MS,
      signal,
    );
    if (code === 0) return stdout.trim();
    if (stderr === "") return undefined;
    throw failure("Cannot read the keyring", stderr);
  }

  async remove(profile: string, _sealed: string, signal: AbortSignal): Promise<void> {
    const { code, stderr } = await TOOL.run(["clear", ...itemOf(profile)], WRITE_MS, signal);
    if (code !== 0 && stderr !== "") throw failure("Cannot delete from the keyring", stderr);
  }
}

function itemOf(profile: string): string[] {
  return ["service", "cloudmount", "account", profile];
}

function failure(action: string, stderr: string): KeychainError {
  return new KeychainError(
    `${action}: ${stderr || "no reason given"}`,
    "Log in at the desktop whose keyring it is, or unlock it there",
  );
}
