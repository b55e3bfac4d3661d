/**
 * AWS Signature Version 4 in the Authorization header.
 * Source: "Authenticating Requests: Using the Authorization Header" of the S3 API reference.
 *
 * Synchronous hashes of `node:crypto`, 4 us each in Deno: over WebCrypto each is a promise, and the
 * libraries built on it took 0.7 ms. The HMAC is made of two of them, as `createHmac` takes 40 us.
 */
import { createHash } from "node:crypto";

export interface SigningCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SigningRequest {
  readonly method: string;
  /** Value of the Host header. */
  readonly host: string;
  /** Encoded path, as it is sent. */
  readonly path: string;
  /** Encoded query without "?", as it is sent. */
  readonly query: string;
  /** Names in lower case. `x-amz-*` and `content-type` are signed, others may change on the way. */
  readonly headers: Readonly<Record<string, string>>;
  /** Hex SHA-256 of the body, or `UNSIGNED_PAYLOAD`. */
  readonly payloadHash: string;
  readonly region: string;
  /** "s3" if not said. */
  readonly service?: string;
  /** Wall time of the server, milliseconds since the epoch. */
  readonly timeMs: number;
}

/** Stands for the hash of a body that the signature does not cover. */
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

/** The hash of no body. */
export const EMPTY_SHA256 = sha256Hex("");

export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** The headers to add to the request. */
export function signV4(
  request: SigningRequest,
  credentials: SigningCredentials,
): Record<string, string> {
  const timestamp = timestampOf(request.timeMs);
  const date = timestamp.slice(0, 8);
  const added: Record<string, string> = {
    "x-amz-date": timestamp,
    "x-amz-content-sha256": request.payloadHash,
  };
  const { sessionToken } = credentials;
  if (sessionToken !== undefined) added["x-amz-security-token"] = sessionToken;
  const signed = Object.keys(request.headers)
    .filter((name) => name === "content-type" || name.startsWith("x-amz-"))
    .concat("host", Object.keys(added)).sort();
  const names = signed.join(";");
  let canonical = `${request.method}\n${request.path}\n${sortedQuery(request.query)}\n`;
  for (const name of signed) {
    const value = name === "host" ? request.host : added[name] ?? request.headers[name]!;
    canonical += `${name}:${value.trim().replace(/ {2,}/g, " ")}\n`;
  }
  canonical += `\n${names}\n${request.payloadHash}`;
  const { region, service = "s3" } = request;
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256Hex(canonical)}`;
  const key = signingKey(credentials.secretAccessKey, date, region, service);
  const signature = hmac(key, text).digest("hex");
  added["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return added;
}

/** "20130524T000000Z" */
function timestampOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

function sortedQuery(query: string): string {
  return query.includes("&") ? query.split("&").sort().join("&") : query;
}

/** A key of HMAC-SHA256 as the two blocks that its hashes begin with (RFC 2104). */
interface HmacKey {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

function hmacKey(key: Uint8Array): HmacKey {
  const short = key.byteLength > 64 ? createHash("sha256").update(key).digest() : key;
  const block = (pad: number) =>
    Uint8Array.from({ length: 64 }, (_, index) => (short[index] ?? 0) ^ pad);
  return { inner: block(0x36), outer: block(0x5c) };
}

/** The hash whose digest is the HMAC of `text`. */
function hmac({ inner, outer }: HmacKey, text: string): ReturnType<typeof createHash> {
  const first = createHash("sha256").update(inner).update(text).digest();
  return createHash("sha256").update(outer).update(first);
}

/** Keys by date, region, service and secret; emptied when full, which a few mounts never reach within a day. */
const SIGNING_KEYS_MAX = 64;
const signingKeys = new Map<string, HmacKey>();

function signingKey(secret: string, date: string, region: string, service: string): HmacKey {
  const id = `${date}/${region}/${service}/${secret}`;
  const known = signingKeys.get(id);
  if (known !== undefined) return known;
  let key = hmacKey(new TextEncoder().encode(`AWS4${secret}`));
  for (const part of [date, region, service, "aws4_request"]) {
    key = hmacKey(hmac(key, part).digest());
  }
  if (signingKeys.size >= SIGNING_KEYS_MAX) signingKeys.clear();
  signingKeys.set(id, key);
  return key;
}
