/** Whose credentials these are, as far as can be told. */
import type { Clock } from "../base/clock.ts";
import type { HttpShare } from "../net/http_pool.ts";
import type { Credentials } from "./credentials.ts";
import { AccessDeniedError, StoreError } from "./errors.ts";
import { sha256Hex, signV4 } from "./sign_v4.ts";
import { decodeEntities, parseErrorXml } from "./xml.ts";

export interface CallerIdentity {
  /** The last four characters of the access key id. */
  readonly accessKeyIdEnd: string;
  /** Milliseconds since the epoch; absent: they do not expire. */
  readonly expireAtMs?: number;
  /** The user or role, by AWS; absent: it is another service, or it did not tell. */
  readonly arn?: string;
}

/** What `identify` needs. */
export interface IdentityQuestion {
  readonly bucket: string;
  /** Of the Security Token Service; undefined: only AWS has it. */
  readonly stsUrl: string | undefined;
  readonly region: string;
  readonly share: HttpShare;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

const ANSWER_BYTES_MAX = 64 * 1024;

/** Where AWS tells who somebody is: "AWS Security Token Service endpoints" in the General Reference. */
export function stsUrlOf(region: string): string {
  return `https://sts.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/`;
}

/**
 * GetCallerIdentity, which needs no permission. Throws `AccessDeniedError` when AWS does not know the
 * credentials; that it cannot be asked, as from a network with S3 only, is no error.
 */
export async function identify(
  credentials: Credentials,
  question: IdentityQuestion,
  signal: AbortSignal,
): Promise<CallerIdentity> {
  const { expireAtMs, accessKeyId } = credentials;
  const identity: CallerIdentity = {
    accessKeyIdEnd: accessKeyId.slice(-4),
    ...(expireAtMs === undefined ? {} : { expireAtMs }),
  };
  const { stsUrl } = question;
  if (stsUrl === undefined) return identity;
  try {
    const arn = await askSts(credentials, { ...question, stsUrl }, signal);
    return arn === undefined ? identity : { ...identity, arn };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof StoreError) throw error;
    return identity;
  }
}

async function askSts(
  credentials: Credentials,
  { bucket, stsUrl, region, share, clock, timeoutMs }: IdentityQuestion & { stsUrl: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { host, pathname } = new URL(stsUrl);
  const body = new TextEncoder().encode("Action=GetCallerIdentity&Version=2011-06-15");
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const signature = signV4({
    ...{ method: "POST", host, path: pathname, query: "", headers, region, service: "sts" },
    payloadHash: sha256Hex(body),
    timeMs: clock.nowMs(),
  }, credentials);
  const response = await share.send({
    method: "POST",
    url: stsUrl,
    headers: { ...headers, ...signature },
    body,
    firstByteTimeoutMs: timeoutMs,
    stallTimeoutMs: timeoutMs,
    signal,
  });
  const text = new TextDecoder().decode(await response.body.readAll(ANSWER_BYTES_MAX));
  if (response.status === 200) {
    const arn = /<Arn>([^<]+)<\/Arn>/.exec(text)?.[1];
    return arn === undefined ? undefined : decodeEntities(arn);
  }
  const error = parseErrorXml(/<Error>[^]*<\/Error>/.exec(text)?.[0] ?? "");
  const code = error?.get("Code");
  if (response.status !== 403 || code === undefined) return undefined;
  throw new AccessDeniedError(error?.get("Message") ?? "AWS does not know these credentials", {
    operation: "GetCallerIdentity",
    bucket,
    status: response.status,
    code,
  });
}
