/** Puts the store of one mount together: retrying over S3, by the mount's share of the pool. */
import { Alarms } from "../base/alarms.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { formatDuration } from "../base/units.ts";
import type { HttpPool } from "../net/http_pool.ts";
import { removeVersions } from "./calls/remove_versions.ts";
import type { CallerIdentity } from "./caller_identity.ts";
import { awsFilesState } from "./aws_files.ts";
import { type Deadlines, S3Client } from "./client.ts";
import {
  CredentialsCache,
  credentialsLoader,
  type CredentialsOptions,
  type ReadEnv,
} from "./credentials.ts";
import { BucketEndpoint } from "./endpoint.ts";
import { BucketNotFoundError, NotFoundError } from "./errors.ts";
import type { ListOptions, ListPage, ObjectStore } from "./object_store.ts";
import type { Quirks } from "./quirks.ts";
import { RequestStats } from "./request_stats.ts";
import { Retrier } from "./retrier.ts";
import { S3Store } from "./s3_store.ts";
import { ServerClock } from "./server_clock.ts";
import { RequestCredentials } from "./request_credentials.ts";
import { signInOf } from "./sign_in_hint.ts";
import { PrefixedStore } from "./stores/prefixed.ts";
import { RetryingStore } from "./stores/retrying.ts";

export interface BucketStoreOptions {
  readonly bucket: string;
  /** "" or a key prefix that ends with "/": the store's keys are relative to it. */
  readonly prefix: string;
  /** Base URL; absent: AWS. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Profile of the AWS config files. */
  readonly profile?: string;
  /** Absent: decided by the endpoint. */
  readonly pathStyle?: boolean;
  readonly credentials: CredentialsOptions;
  /** Server-side encryption: "AES256", "aws:kms" or "aws:kms:dsse". */
  readonly sse?: string;
  readonly sseKmsKeyId?: string;
  readonly requesterPays: boolean;
  /** A canned ACL. */
  readonly acl?: string;
  readonly readEnv: ReadEnv;
  readonly clock?: Clock;
  readonly deadlines?: Partial<Deadlines>;
}

export const DEFAULT_DEADLINES: Deadlines = {
  firstByteMs: 10_000,
  stallMs: 10_000,
  totalMs: 30_000,
};

/** One mount's bucket. */
export interface BucketStore {
  readonly store: ObjectStore;
  readonly stats: RequestStats;
  /** Scheme, host and port that requests go to. */
  readonly origin: string;
  /** Name of the service as far as it is recognised, for example "MinIO". */
  readonly providerName: string;
  /** What the service does otherwise than AWS, as far as is known. */
  readonly quirks: Quirks;
  /** That requests are signed for: as configured, or as the service has corrected it. */
  readonly region: string;
  /** Milliseconds since the epoch; undefined when they do not expire or none were needed yet. */
  readonly credentialsExpireAtMs: number | undefined;
  /** What a person should know before it is trouble: credentials about to expire, a clock that is wrong. */
  warnings(): string[];
  /** Renews credentials that are about to expire. To be called every few seconds. */
  keepFresh(): void;
  /** True when other credentials may be had than at the last search: the next request looks for them. */
  hasNewCredentials(): Promise<boolean>;
  /**
   * One small request, not repeated, that finds endpoint, region, credentials and bucket in order or
   * rejects with the error that tells what is not.
   */
  probe(signal: AbortSignal): Promise<void>;
  /** Undefined when requests are not signed. Throws `AccessDeniedError` without (valid) credentials. */
  identity(signal: AbortSignal): Promise<CallerIdentity | undefined>;
  /** See `calls/remove_versions.ts`; `keyPrefix` is one of the store's keys. */
  removeVersions(keyPrefix: string, signal: AbortSignal): Promise<number>;
  /** The same by the request that tells the first names of the mounted folder, too. */
  firstPage(signal: AbortSignal): Promise<ListPage>;
  /** Gives the share of the pool up. */
  close(): void;
}

/** Throws a TypeError when `endpoint` is not a URL. Sends nothing. */
export function createBucketStore(options: BucketStoreOptions, pool: HttpPool): BucketStore {
  const { readEnv, clock: ownClock = systemClock } = options;
  const clock = new ServerClock(ownClock);
  const deadlines = { ...DEFAULT_DEADLINES, ...options.deadlines };
  const endpoint = new BucketEndpoint({ ...options, ...regionOf(options) });
  const load = credentialsLoader(options.credentials, options.profile, readEnv);
  const sourceState = options.credentials.kind === "given"
    ? options.credentials.state
    : () => awsFilesState(readEnv);
  const credentials = load && new CredentialsCache(load, clock, sourceState);
  const signIn = () => signInOf(options.credentials, options.profile, readEnv);
  const stats = new RequestStats(ownClock);
  const share = pool.share();
  const alarms = new Alarms(clock);
  const client = new S3Client({
    endpoint,
    share,
    credentials: credentials && new RequestCredentials(credentials, signIn),
    stats,
    clock,
    alarms,
    deadlines,
    headers: options.requesterPays ? { "x-amz-request-payer": "requester" } : {},
  });
  const direct = new S3Store(client, writeHeaders(options));
  const { totalMs } = deadlines;
  const retrier = new Retrier({ clock, alarms, totalMs, onRetry: () => stats.retried() });
  const retrying = new RetryingStore(direct, retrier, clock);
  const inPrefix = (store: ObjectStore) =>
    options.prefix === "" ? store : new PrefixedStore(store, options.prefix);
  return {
    store: inPrefix(retrying),
    stats,
    get origin() {
      return endpoint.origin;
    },
    get providerName() {
      return endpoint.providerName;
    },
    get quirks() {
      return endpoint.quirks;
    },
    get region() {
      return endpoint.region;
    },
    get credentialsExpireAtMs() {
      return credentials?.expireAtMs;
    },
    identity: (signal) => client.identity(signal),
    removeVersions: (prefix, signal) => removeVersions(client, options.prefix + prefix, signal),
    warnings: () =>
      [credentials?.warning, skewWarning(clock.skewMs)].filter((text) => text !== undefined),
    keepFresh: () => credentials?.keepFresh(),
    hasNewCredentials: async () => await credentials?.hasNewSource() ?? false,
    probe: async (signal) => {
      await ask(direct, { prefix: options.prefix, maxKeys: 1 }, signal);
    },
    firstPage: (signal) => ask(inPrefix(direct), { prefix: "", delimiter: "/" }, signal),
    close: () => {
      share.close();
      alarms.close();
    },
  };
}

/** S3 itself minds a quarter of an hour, but other programs and the times of files do before. */
const SKEW_WARNING_MS = 300_000;

function skewWarning(skewMs: number): string | undefined {
  const ms = Math.abs(skewMs);
  if (ms < SKEW_WARNING_MS) return undefined;
  const side = skewMs > 0 ? "behind" : "ahead of";
  return `This machine's clock is ${formatDuration(ms)} ${side} that of S3: set it`;
}

async function ask(
  store: ObjectStore,
  options: ListOptions,
  signal: AbortSignal,
): Promise<ListPage> {
  try {
    return await store.list(options, signal);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    throw new BucketNotFoundError("there is no such bucket", {
      ...error.details,
      hint: "Check the name of the bucket and the endpoint",
    }, { cause: error });
  }
}

/** The AWS variables for the region are about AWS; other services have regions of their own. */
function regionOf(options: BucketStoreOptions): { readonly region?: string } {
  if (options.region !== undefined) return { region: options.region };
  if (options.endpoint !== undefined) return {};
  const region = options.readEnv("AWS_REGION") ?? options.readEnv("AWS_DEFAULT_REGION");
  return region === undefined ? {} : { region };
}

function writeHeaders(options: BucketStoreOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  const { sse, sseKmsKeyId, acl } = options;
  if (sse !== undefined) headers["x-amz-server-side-encryption"] = sse;
  if (sseKmsKeyId !== undefined) {
    headers["x-amz-server-side-encryption-aws-kms-key-id"] = sseKmsKeyId;
  }
  if (acl !== undefined) headers["x-amz-acl"] = acl;
  return headers;
}
