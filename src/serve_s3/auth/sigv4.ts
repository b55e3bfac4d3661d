/**
 * AWS Signature Version 4 as a computation (S3 API reference, "Authenticating Requests"). Here as
 * the server's half: it builds from a received request what the client must have signed.
 */
import { createHash, createHmac } from "node:crypto";
import type { Buffer } from "node:buffer";

export const ALGORITHM = "AWS4-HMAC-SHA256";
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What a signing key is good for. */
export interface CredentialScope {
  /** "20130524". */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** What enters the canonical request. */
export interface SignedContent {
  readonly method: string;
  /** Decoded. */
  readonly path: string;
  /** Decoded, without the signature itself. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: Headers;
  readonly signedHeaders: readonly string[];
  readonly payloadHash: string;
}

export function canonicalRequest(content: SignedContent): string {
  const query = content.query
    .map(([name, value]) => [uriEncode(name), uriEncode(value)] as const)
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`);
  const headers = content.signedHeaders.map((name) =>
    `${name}:${(content.headers.get(name) ?? "").trim().replace(/ {2,}/g, " ")}\n`
  );
  return [
    content.method,
    uriEncode(content.path).replaceAll("%2F", "/"),
    query.join("&"),
    headers.join(""),
    content.signedHeaders.join(";"),
    content.payloadHash,
  ].join("\n");
}

/** `amzDate` is "20130524T000000Z". */
export function stringToSign(amzDate: string, scope: CredentialScope, canonical: string): string {
  return [ALGORITHM, amzDate, scopeText(scope), sha256Hex(canonical)].join("\n");
}

export function scopeText(scope: CredentialScope): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

export function signingKey(secretAccessKey: string, scope: CredentialScope): Buffer {
  let key = createHmac("sha256", `AWS4${secretAccessKey}`).update(scope.date).digest();
  for (const step of [scope.region, scope.service, "aws4_request"]) {
    key = createHmac("sha256", key).update(step).digest();
  }
  return key;
}

export function signature(key: Buffer, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Percent-encodes everything but RFC 3986's unreserved characters. */
function uriEncode(value: string): string {
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

// Encoded text is ASCII, so this is the order of bytes.
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
