/** Where a mount's credentials come from, kept until shortly before they expire. */
import { untilAborted } from "../base/until_aborted.ts";
import type { Clock } from "../base/clock.ts";
import type { SigningCredentials } from "./sign_v4.ts";

/** Reads an environment variable of the daemon. */
export type ReadEnv = (name: string) => string | undefined;

export type CredentialsOptions =
  /** The AWS chain: environment, profile, SSO, process, web identity, container, instance. */
  | { readonly kind: "chain" }
  /** Requests are not signed. */
  | { readonly kind: "anonymous" }
  /** Somebody else knows where they are. */
  | { readonly kind: "given"; readonly load: LoadCredentials }
  /** Two environment variables, by name. */
  | {
    readonly kind: "env";
    readonly accessKeyIdEnv: string;
    readonly secretAccessKeyEnv: string;
  };

export interface Credentials extends SigningCredentials {
  /** Milliseconds since the epoch; absent: they do not expire. */
  readonly expireAtMs?: number;
}

/** Finds credentials anew. Rejects with an Error whose message says what to do. */
export type LoadCredentials = () => Promise<Credentials>;

/** From here on new ones are fetched while the old ones still serve. */
const REFRESH_AHEAD_MS = 5 * 60_000;
/** From here on requests wait for new ones: a request signed now must still be valid on arrival. */
const EXPIRED_AHEAD_MS = 30_000;
/** A source that failed is not asked again at once: a chain's search can take seconds. */
const RETRY_AFTER_MS = 5_000;

/** Credentials cannot be had; `message` says why and what to do. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/** Credentials of one mount. All requests at a time share one search. */
export class CredentialsCache {
  readonly #load: LoadCredentials;
  readonly #clock: Clock;
  #current: Credentials | undefined;
  #loading: Promise<Credentials> | undefined;
  #failure: { readonly error: unknown; readonly untilMs: number } | undefined;

  constructor(load: LoadCredentials, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
  }

  /** When the current ones expire, milliseconds since the epoch. */
  get expireAtMs(): number | undefined {
    return this.#current?.expireAtMs;
  }

  /** Valid credentials. Rejects with `CredentialsError`, or the signal's reason when it fires first. */
  async get(signal: AbortSignal): Promise<Credentials> {
    const current = this.#current;
    const leftMs = (current?.expireAtMs ?? Infinity) - this.#clock.nowMs();
    if (current !== undefined && leftMs > REFRESH_AHEAD_MS) return current;
    const loading = this.#refresh();
    if (current !== undefined && leftMs > EXPIRED_AHEAD_MS) {
      loading.catch(() => {}); // the old ones still serve; the next request tries again
      return current;
    }
    return await untilAborted(loading, signal);
  }

  /** The server refused `credentials` as expired: others are looked for with the next request. */
  invalidate(credentials: Credentials): void {
    if (this.#current?.accessKeyId === credentials.accessKeyId) this.#current = undefined;
  }

  #refresh(): Promise<Credentials> {
    if (this.#loading !== undefined) return this.#loading;
    if (this.#failure !== undefined && this.#clock.monotonicMs() < this.#failure.untilMs) {
      return Promise.reject(this.#failure.error);
    }
    this.#loading = this.#loadOnce().finally(() => this.#loading = undefined);
    return this.#loading;
  }

  async #loadOnce(): Promise<Credentials> {
    try {
      this.#current = await this.#load();
      this.#failure = undefined;
      return this.#current;
    } catch (error) {
      this.#failure = { error, untilMs: this.#clock.monotonicMs() + RETRY_AFTER_MS };
      throw error;
    }
  }
}

/**
 * The way to load credentials that `options` describe; undefined for unsigned requests. `profile` is
 * one of the AWS config files, for the chain.
 */
export function credentialsLoader(
  options: CredentialsOptions,
  profile: string | undefined,
  readEnv: ReadEnv,
): LoadCredentials | undefined {
  if (options.kind === "anonymous") return undefined;
  if (options.kind === "given") return options.load;
  if (options.kind === "env") {
    return () => fromTwoVariables(options.accessKeyIdEnv, options.secretAccessKeyEnv, readEnv);
  }
  return () => fromChain(profile, readEnv);
}

async function fromTwoVariables(
  idName: string,
  secretName: string,
  readEnv: ReadEnv,
): Promise<Credentials> {
  const accessKeyId = readEnv(idName);
  const secretAccessKey = readEnv(secretName);
  const missing = [[idName, accessKeyId], [secretName, secretAccessKey]]
    .filter(([, value]) => value === undefined || value === "").map(([name]) => name);
  if (missing.length > 0) {
    throw new CredentialsError(
      `the environment variable ${missing.join(" and ")} is not set where the daemon runs`,
    );
  }
  return await Promise.resolve({ accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! });
}

async function fromChain(profile: string | undefined, readEnv: ReadEnv): Promise<Credentials> {
  const accessKeyId = readEnv("AWS_ACCESS_KEY_ID");
  const secretAccessKey = readEnv("AWS_SECRET_ACCESS_KEY");
  const chosen = profile ?? readEnv("AWS_PROFILE");
  // The chain's own first step, taken here because loading the chain costs 100 ms.
  if (chosen === undefined && accessKeyId && secretAccessKey) {
    const sessionToken = readEnv("AWS_SESSION_TOKEN");
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    };
  }
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  try {
    const found = await fromNodeProviderChain(profile === undefined ? {} : { profile })();
    return {
      accessKeyId: found.accessKeyId,
      secretAccessKey: found.secretAccessKey,
      ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
      ...(found.expiration === undefined ? {} : { expireAtMs: found.expiration.getTime() }),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CredentialsError(
      `${
        chosen === undefined
          ? "no AWS credentials were found"
          : `the profile "${chosen}" gave no credentials`
      }: ${reason}`,
      { cause: error },
    );
  }
}
