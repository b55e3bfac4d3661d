/** What keeps secrets on this machine: one of several, depending on the system. */

/** As in the records; see `Keychain`. */
export type VaultName = "macos-keychain" | "secret-service" | "systemd-creds" | "file";

/**
 * Keeps one text for each profile. A vault has a memory of its own and seals to a word that finds it
 * there again, or it has none and seals to a text that holds the secret, which the record then keeps.
 * Methods throw `KeychainError` when the vault cannot be used, or the signal's reason.
 */
export interface Vault {
  readonly name: VaultName;
  /** For people: where the secrets are. */
  readonly place: string;
  /** What is weak about it, and what would be better; absent where there is nothing to say. */
  readonly note?: string;
  /** Keeps `secret` (ASCII, one line); returns what `open` needs besides the profile. */
  seal(profile: string, secret: string, signal: AbortSignal): Promise<string>;
  /** Undefined when it is not there any more. */
  open(profile: string, sealed: string, signal: AbortSignal): Promise<string | undefined>;
  /** Resolves also when it is not there. */
  remove(profile: string, sealed: string, signal: AbortSignal): Promise<void>;
}

/** Secrets cannot be kept or had. `message` begins with the action; `hint` is what to do. */
export class KeychainError extends Error {
  override readonly name = "KeychainError";
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { cause });
    this.hint = hint;
  }
}
