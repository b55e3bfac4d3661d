/** Where a mount's keys come from. */
import type { MountConfig } from "../config/types.ts";
import type { Keychain } from "../keychain/keychain.ts";
import { KeychainError } from "../keychain/vault.ts";
import { type Credentials, CredentialsError, type CredentialsOptions } from "../s3/credentials.ts";

/** The keychain's profile of mounts that name none. */
export const DEFAULT_PROFILE = "default";

export function credentialsOptions(
  { credentials, profile = DEFAULT_PROFILE }: MountConfig,
  keychain: Keychain,
): CredentialsOptions {
  if (credentials.kind !== "keychain") return credentials;
  const hint = `Run: cloudmount credentials set ${profile}`;
  return {
    kind: "given",
    load: () => fromKeychain(keychain, profile),
    state: () => keychain.state(profile),
    hint,
  };
}

/** Throws `CredentialsError`. Its tools have limits of their own. */
async function fromKeychain(keychain: Keychain, profile: string): Promise<Credentials> {
  let keys;
  try {
    keys = await keychain.read(profile, new AbortController().signal);
  } catch (error) {
    if (!(error instanceof KeychainError)) throw error;
    const hint = error.hint === "" ? "" : `. ${error.hint}`;
    throw new CredentialsError(`${error.message}${hint}`, { cause: error });
  }
  if (keys !== undefined) return keys;
  throw new CredentialsError(`the keychain has no credentials of the profile "${profile}"`);
}
