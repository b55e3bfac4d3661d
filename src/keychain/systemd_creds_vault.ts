/**
 * No keyring: systemd encrypts for this user with a key of the machine and, where there is one, of its
 * TPM (systemd-creds(1), "--user", from version 256). What it gives is useless elsewhere.
 */
import { messageOf } from "../base/message_of.ts";
import { runTool } from "../system/run_tool.ts";
import { KeychainError, type Vault } from "./vault.ts";

const CALL_MS = 15_000;
/** Bound into the ciphertext. */
const NAME = "cloudmount";

export class SystemdCredsVault implements Vault {
  readonly name = "systemd-creds";
  readonly place = "a file that only this user can decrypt, on this machine (systemd-creds)";

  async seal(_profile: string, secret: string, signal: AbortSignal): Promise<string> {
    return (await run("encrypt", secret, signal)).replaceAll(/\s/g, "");
  }

  async open(_profile: string, sealed: string, signal: AbortSignal): Promise<string> {
    return (await run("decrypt", sealed, signal)).trim();
  }

  /** The record was all there is. */
  async remove(): Promise<void> {}
}

async function run(
  verb: "encrypt" | "decrypt",
  input: string,
  signal: AbortSignal,
): Promise<string> {
  const args = ["--user", verb, `--name=${NAME}`, "-", "-"];
  const failed = (reason: string, cause?: unknown) =>
    new KeychainError(
      `Cannot ${verb} with systemd-creds: ${reason}`,
      "Set the credentials anew: cloudmount credentials set PROFILE",
      cause,
    );
  try {
    const { code, stdout, stderr } = await runTool("systemd-creds", args, CALL_MS, signal, input);
    if (code === 0) return stdout;
    throw failed(stderr || `it ended with code ${code}`);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KeychainError) throw error;
    throw failed(messageOf(error), error);
  }
}
