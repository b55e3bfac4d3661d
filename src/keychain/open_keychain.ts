/** The keychain of this user on this system. */
import { join } from "node:path";
import { FileVault } from "./file_vault.ts";
import { Keychain } from "./keychain.ts";
import { MacosVault } from "./macos_vault.ts";
import { SecretServiceVault } from "./secret_service_vault.ts";
import { SystemdCredsVault } from "./systemd_creds_vault.ts";

/** Touches nothing yet. */
export function openKeychain(stateDir: string, os: "linux" | "darwin"): Keychain {
  const vaults = os === "darwin"
    ? [new MacosVault()]
    : [new SecretServiceVault(), new SystemdCredsVault(), new FileVault()];
  return new Keychain(join(stateDir, "credentials"), vaults);
}
