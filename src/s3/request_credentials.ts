/** The credentials of a mount's requests: renewed where S3 refuses them; without them, what to do. */
import { type Credentials, type CredentialsCache, CredentialsError } from "./credentials.ts";
import { AccessDeniedError, SignedOutError, type StoreErrorDetails } from "./errors.ts";
import { doubtAboutCredentials } from "./response_error.ts";
import type { SignIn } from "./sign_in_hint.ts";

export class RequestCredentials {
  readonly #cache: CredentialsCache;
  readonly #signIn: () => Promise<SignIn>;

  /** `signIn` tells how a person gets credentials. */
  constructor(cache: CredentialsCache, signIn: () => Promise<SignIn>) {
    this.#cache = cache;
    this.#signIn = signIn;
  }

  /** Throws `SignedOutError` or `AccessDeniedError` with `details` when there are none. */
  async get(details: StoreErrorDetails, signal: AbortSignal): Promise<Credentials> {
    try {
      return await this.#cache.get(signal);
    } catch (error) {
      throw await this.#without(details, error);
    }
  }

  /**
   * True when a request that `error` has refused is worth sending once more with other credentials.
   * Throws `SignedOutError` where only a person can get these.
   */
  async renewAfter(
    error: unknown,
    details: StoreErrorDetails,
    refused: Credentials,
    signal: AbortSignal,
  ): Promise<boolean> {
    const doubt = doubtAboutCredentials(error);
    if (doubt === undefined) return false;
    try {
      if (await this.#cache.renew(refused, doubt === "certain", signal)) return true;
    } catch (failure) {
      throw await this.#without(details, failure);
    }
    if (!(error instanceof SignedOutError)) return false;
    const { hint } = await this.#signIn();
    throw new SignedOutError("the session has expired", { ...error.details, hint }, {
      cause: error,
    });
  }

  async #without(details: StoreErrorDetails, error: unknown): Promise<unknown> {
    if (!(error instanceof CredentialsError)) return error;
    const { hint, isRegular } = await this.#signIn();
    const hadThem = this.#cache.expireAtMs !== undefined;
    const kind = isRegular || hadThem ? SignedOutError : AccessDeniedError;
    return new kind(error.message, { ...details, hint }, { cause: error });
  }
}
