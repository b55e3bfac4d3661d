/** Where a mount's credentials come from, kept until shortly before they expire. */
import { untilAborted } from "../base/until_aborted.ts";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/message_of.ts";
import type { SigningCredentials } from "./sign_v4.ts";

/** Reads an environment variable of the daemon. */
export type ReadEnv = (name: string) => string | undefined;

export type CredentialsOptions =
  /** The AWS chain: environment, profile, SSO, process, web identity, container, instance. */
  | { readonly kind: "chain" }
  /** Requests are not signed. */
  | { readonly kind: "anonymous" }
  /** Somebody else knows where they are, and what to do (`hint`) when there are none. */
  | {
    readonly kind: "given";
    readonly load: LoadCredentials;
    /** A text that is another one when `load` may give others. */
    readonly state: () => Promise<string>;
    /** How a person sets them. */
    readonly hint: string;
  }
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
/** Nor for requests of which nobody knows whether the credentials are the reason. */
const GUESS_AFTER_MS = 60_000;
/** While no request wants credentials that are about to expire, they are renewed so often. */
const KEEP_EVERY_MS = 30_000;

/** Credentials cannot be had; `message` says why. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/** Credentials of one mount. All requests at a time share one search. */
export class CredentialsCache {
  readonly #load: LoadCredentials;
  readonly #clock: Clock;
  readonly #sourceState: () => Promise<string>;
  #current: Credentials | undefined;
  #loading: Promise<Credentials> | undefined;
  #failure: { readonly error: unknown; readonly untilMs: number } | undefined;
  /** Monotonic time of the last search, and what the source looked like then. */
  #searchedMs = -Infinity;
  #searchedState = "";
  /** And of the last one after a refusal. */
  #renewedMs = -Infinity;

  /** `sourceState` tells a text that is another one when the source may give other credentials. */
  constructor(
    load: LoadCredentials,
    clock: Clock,
    sourceState: () => Promise<string> = () => Promise.resolve(""),
  ) {
    this.#load = load;
    this.#clock = clock;
    this.#sourceState = sourceState;
  }

  /** When the current ones expire, milliseconds since the epoch. */
  get expireAtMs(): number | undefined {
    return this.#current?.expireAtMs;
  }

  /** What a person should know: they expire soon, or have, and no others could be had. */
  get warning(): string | undefined {
    const leftMs = this.#leftMs();
    if (leftMs > REFRESH_AHEAD_MS - KEEP_EVERY_MS) return undefined;
    const when = new Date(this.expireAtMs!).toISOString();
    const error = this.#failure?.error;
    const why = error instanceof Error ? ` and cannot be renewed: ${error.message}` : "";
    return `The credentials ${leftMs > 0 ? "expire" : "have expired"} at ${when}${why}`;
  }

  /** Renews what is about to expire, for when no request does it. To be called every few seconds. */
  keepFresh(): void {
    if (this.#leftMs() > REFRESH_AHEAD_MS) return;
    if (this.#clock.monotonicMs() - this.#searchedMs < KEEP_EVERY_MS) return;
    this.#refresh().catch(() => {}); // `warning` tells
  }

  /** True when the source may give others than at the last search: then it is asked again at once. */
  async hasNewSource(): Promise<boolean> {
    if (await this.#sourceState() === this.#searchedState) return false;
    this.#failure = undefined;
    this.#renewedMs = -Infinity;
    return true;
  }

  /** Valid credentials. Rejects with `CredentialsError`, or the signal's reason when it fires first. */
  async get(signal: AbortSignal): Promise<Credentials> {
    const current = this.#current;
    const leftMs = this.#leftMs();
    if (current !== undefined && leftMs > REFRESH_AHEAD_MS) return current;
    const loading = this.#refresh();
    if (current !== undefined && leftMs > EXPIRED_AHEAD_MS) {
      loading.catch(() => {}); // the old ones still serve; the next request tries again
      return current;
    }
    return await untilAborted(loading, signal);
  }

  /**
   * S3 has refused `refused`, for certain or perhaps for what they are: asks the source for others. True
   * when there are. Rejects as `get`.
   */
  async renew(refused: Credentials, isCertain: boolean, signal: AbortSignal): Promise<boolean> {
    if (this.#current !== undefined && !isSame(this.#current, refused)) return true;
    const nowMs = this.#clock.monotonicMs();
    const isTooSoon = nowMs - this.#renewedMs < (isCertain ? RETRY_AFTER_MS : GUESS_AFTER_MS);
    if (isTooSoon && this.#loading === undefined) return false;
    this.#renewedMs = nowMs;
    return !isSame(await untilAborted(this.#refresh(), signal), refused);
  }

  /** How long the current ones are valid. */
  #leftMs(): number {
    return (this.#current?.expireAtMs ?? Infinity) - this.#clock.nowMs();
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
    this.#searchedMs = this.#clock.monotonicMs();
    try {
      this.#searchedState = await this.#sourceState();
      this.#current = await this.#load();
      this.#failure = undefined;
      return this.#current;
    } catch (error) {
      this.#failure = { error, untilMs: this.#clock.monotonicMs() + RETRY_AFTER_MS };
      throw error;
    }
  }
}

function isSame(a: Credentials, b: Credentials): boolean {
  return a.accessKeyId === b.accessKeyId && a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken;
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
    // Else the SDK would go by the files as they were when it read them first.
    const init = { ignoreCache: true, ...(profile === undefined ? {} : { profile }) };
    const found = await fromNodeProviderChain(init)();
    return {
      accessKeyId: found.accessKeyId,
      secretAccessKey: found.secretAccessKey,
      ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
      ...(found.expiration === undefined ? {} : { expireAtMs: found.expiration.getTime() }),
    };
  } catch (error) {
    const reason = messageOf(error);
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
