/**
 * AWS Signature Version 4 in the Authorization header.
 * Source: "Authenticating Requests: Using the Authorization Header" of the S3 API reference.
 *
 * Synchronous `node:crypto`: a signature takes about 0.1 ms. Over WebCrypto each of its six hashes is
 * a promise, and the libraries built on it took 0.7 ms in Deno, a third of a small request.
 */
import { createHash, createHmac } from "node:crypto";

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
  /** Hex SHA-256 of the body, or "UNSIGNED-PAYLOAD". */
  readonly payloadHash: string;
  readonly region: string;
  /** Wall time of the server, milliseconds since the epoch. */
  readonly timeMs: number;
}

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
  const timestamp = new Date(request.timeMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = timestamp.slice(0, 8);
  const added: Record<string, string> = {
    "x-amz-date": timestamp,
    "x-amz-content-sha256": request.payloadHash,
    ...(credentials.sessionToken === undefined
      ? {}
      : { "x-amz-security-token": credentials.sessionToken }),
  };
  const signed = Object.entries({ ...request.headers, ...added, host: request.host })
    .filter(([name]) => name === "host" || name === "content-type" || name.startsWith("x-amz-"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = signed.map(([name]) => name).join(";");
  const canonical = [
    request.method,
    request.path,
    request.query.split("&").sort().join("&"),
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}`),
    "",
    names,
    request.payloadHash,
  ].join("\n");
  const scope = `${date}/${request.region}/s3/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256Hex(canonical)}`;
  const key = signingKey(credentials.secretAccessKey, date, request.region);
  const signature = createHmac("sha256", key).update(text).digest("hex");
  added["authorization"] =
    `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return added;
}

/** Keys by date, region and secret; emptied when full, which a few mounts never reach within a day. */
const SIGNING_KEYS_MAX = 64;
const signingKeys = new Map<string, Uint8Array>();

function signingKey(secret: string, date: string, region: string): Uint8Array {
  const id = `${date}/${region}/${secret}`;
  const known = signingKeys.get(id);
  if (known !== undefined) return known;
  let key: Uint8Array = new TextEncoder().encode(`AWS4${secret}`);
  for (const part of [date, region, "s3", "aws4_request"]) {
    key = createHmac("sha256", key).update(part).digest();
  }
  if (signingKeys.size >= SIGNING_KEYS_MAX) signingKeys.clear();
  signingKeys.set(id, key);
  return key;
}
