/**
 * Checks who sent a request: the Authorization header or a presigned URL, both Signature Version 4.
 * The body is checked later, while it is read, by what this returns (see body/receive.ts).
 */
import { ChunkSigner } from "./chunk_signer.ts";
import { sameSignature, signatureMismatch } from "./same_signature.ts";
import {
  ALGORITHM,
  canonicalRequest,
  type CredentialScope,
  signature,
  signingKey,
  stringToSign,
} from "./sigv4.ts";
import type { S3Request } from "../request.ts";
import { S3Error } from "../s3_error.ts";

/** The one pair of keys that the server knows, and its region. */
export interface Authority {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** S3 refuses requests whose time is further than this from its own. */
const SKEW_MS_MAX = 15 * 60e3;
const PRESIGNED_SECONDS_MAX = 7 * 86400;

/** A signature as it was sent, from either place. */
interface Claim {
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly amzDate: string;
  readonly payloadHash: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  /** Set for presigned URLs: from when the signature holds, and for how long. */
  readonly expiresSeconds?: number;
}

/** Throws unless the request is signed well. The result signs the chunks of an aws-chunked body. */
export function authenticate(request: S3Request, authority: Authority, nowMs: number): ChunkSigner {
  const claim = request.query.has("X-Amz-Algorithm") || request.query.has("X-Amz-Signature")
    ? presignedClaim(request)
    : headerClaim(request);
  checkScope(claim, authority.region);
  checkTime(claim, nowMs);
  if (claim.accessKeyId !== authority.accessKeyId) {
    throw new S3Error(
      "InvalidAccessKeyId",
      "The AWS Access Key Id you provided does not exist in our records.",
      { details: { AWSAccessKeyId: claim.accessKeyId } },
    );
  }
  checkSignedHeaders(request, claim);
  const canonical = canonicalRequest({ ...request, ...claim });
  const text = stringToSign(claim.amzDate, claim.scope, canonical);
  const key = signingKey(authority.secretAccessKey, claim.scope);
  if (!sameSignature(signature(key, text), claim.signature)) {
    throw signatureMismatch({
      AWSAccessKeyId: claim.accessKeyId,
      StringToSign: text,
      SignatureProvided: claim.signature,
      CanonicalRequest: canonical,
    });
  }
  return new ChunkSigner(key, claim.amzDate, claim.scope, claim.signature);
}

function headerClaim(request: S3Request): Claim {
  const header = request.headers.get("authorization");
  const isVersion2 = request.query.has("AWSAccessKeyId");
  if (header === null && !isVersion2) throw new S3Error("AccessDenied", "Access Denied");
  if (header === null || !header.startsWith(ALGORITHM)) {
    throw new S3Error(
      "InvalidRequest",
      `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
    );
  }
  const fields = new Map(
    header.slice(ALGORITHM.length).split(",").map((field) => {
      const equals = field.indexOf("=");
      return [field.slice(0, equals).trim(), field.slice(equals + 1).trim()] as const;
    }),
  );
  const [credential, signedHeaders, given] = ["Credential", "SignedHeaders", "Signature"].map(
    (name) => fields.get(name) ?? "",
  );
  if (!credential || !signedHeaders || !given) {
    throw headerMalformed("it must have Credential, SignedHeaders and Signature.");
  }
  const amzDate = request.headers.get("x-amz-date") ??
    toAmzDate(request.headers.get("date") ?? "");
  if (parseAmzDate(amzDate) === undefined) {
    throw new S3Error(
      "AccessDenied",
      "AWS authentication requires a valid Date or x-amz-date header",
    );
  }
  const payloadHash = request.headers.get("x-amz-content-sha256");
  if (payloadHash === null) {
    throw new S3Error(
      "InvalidRequest",
      "Missing required header for this request: x-amz-content-sha256",
    );
  }
  return {
    ...parseCredential(credential, headerMalformed),
    signedHeaders: signedHeaders.split(";"),
    signature: given,
    amzDate,
    payloadHash,
    query: request.query.pairs,
  };
}

function presignedClaim(request: S3Request): Claim {
  const parameter = (name: string) => {
    const value = request.query.get(name);
    if (value !== undefined) return value;
    throw queryMalformed(
      "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, " +
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
    );
  };
  const algorithm = parameter("X-Amz-Algorithm");
  if (algorithm !== ALGORITHM) throw queryMalformed(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const expires = parameter("X-Amz-Expires");
  const expiresSeconds = /^\d{1,9}$/.test(expires) ? Number(expires) : NaN;
  if (!(expiresSeconds >= 1)) throw queryMalformed("X-Amz-Expires must be a positive number");
  if (expiresSeconds > PRESIGNED_SECONDS_MAX) {
    throw queryMalformed(
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must ` +
        `be less than ${PRESIGNED_SECONDS_MAX} seconds`,
    );
  }
  const amzDate = parameter("X-Amz-Date");
  if (parseAmzDate(amzDate) === undefined) {
    throw queryMalformed(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  }
  return {
    ...parseCredential(parameter("X-Amz-Credential"), queryMalformed),
    signedHeaders: parameter("X-Amz-SignedHeaders").split(";"),
    signature: parameter("X-Amz-Signature"),
    amzDate,
    payloadHash: request.headers.get("x-amz-content-sha256") ??
      request.query.get("X-Amz-Content-Sha256") ?? "UNSIGNED-PAYLOAD",
    query: request.query.pairs.filter(([name]) => name !== "X-Amz-Signature"),
    expiresSeconds,
  };
}

/** "AKIA.../20130524/us-east-1/s3/aws4_request"; the key id itself may contain slashes. */
function parseCredential(
  credential: string,
  malformed: (reason: string) => S3Error,
): { accessKeyId: string; scope: CredentialScope } {
  const parts = credential.split("/");
  const [date, region, service, end] = parts.slice(-4);
  if (parts.length < 5 || !date || !region || end !== "aws4_request") {
    throw malformed(
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  if (service !== "s3") {
    throw malformed(`incorrect service "${service}". This endpoint belongs to "s3".`);
  }
  return { accessKeyId: parts.slice(0, -4).join("/"), scope: { date, region, service } };
}

function checkScope(claim: Claim, region: string): void {
  const malformed = claim.expiresSeconds === undefined ? headerMalformed : queryMalformed;
  if (claim.scope.region !== region) {
    throw malformed(`the region '${claim.scope.region}' is wrong; expecting '${region}'`, {
      Region: region,
    });
  }
  if (!claim.amzDate.startsWith(claim.scope.date)) {
    throw malformed(
      `Invalid credential date "${claim.scope.date}". This date is not the same as X-Amz-Date: ` +
        `"${claim.amzDate.slice(0, 8)}".`,
    );
  }
}

function checkTime(claim: Claim, nowMs: number): void {
  const signedMs = parseAmzDate(claim.amzDate) ?? NaN;
  const serverTime = new Date(nowMs).toISOString();
  if (claim.expiresSeconds === undefined) {
    if (Math.abs(nowMs - signedMs) <= SKEW_MS_MAX) return;
    throw new S3Error(
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      {
        details: {
          RequestTime: claim.amzDate,
          ServerTime: serverTime,
          MaxAllowedSkewMilliseconds: String(SKEW_MS_MAX),
        },
      },
    );
  }
  const expiresMs = signedMs + claim.expiresSeconds * 1000;
  if (nowMs > expiresMs) {
    throw new S3Error("AccessDenied", "Request has expired", {
      details: {
        "X-Amz-Expires": String(claim.expiresSeconds),
        Expires: new Date(expiresMs).toISOString(),
        ServerTime: serverTime,
      },
    });
  }
  if (signedMs - nowMs > SKEW_MS_MAX) {
    throw new S3Error("AccessDenied", "Request is not yet valid");
  }
}

/** S3 wants `host` and every `x-amz-*` header signed, or anyone on the way could change their meaning. */
function checkSignedHeaders(request: S3Request, claim: Claim): void {
  const signed = new Set(claim.signedHeaders);
  const missing = [...request.headers.keys()].filter((name) =>
    (name === "host" || name.startsWith("x-amz-")) && !signed.has(name) &&
    !(name === "x-amz-content-sha256" && claim.expiresSeconds !== undefined)
  );
  if (!signed.has("host") && !missing.includes("host")) missing.push("host");
  if (missing.length === 0) return;
  throw new S3Error(
    "AccessDenied",
    "There were headers present in the request which were not signed",
    {
      details: { HeadersNotSigned: missing.join(", ") },
    },
  );
}

function headerMalformed(reason: string, details: Record<string, string> = {}): S3Error {
  return new S3Error(
    "AuthorizationHeaderMalformed",
    `The authorization header is malformed; ${reason}`,
    { details },
  );
}

function queryMalformed(reason: string, details: Record<string, string> = {}): S3Error {
  return new S3Error("AuthorizationQueryParametersError", reason, { details });
}

function parseAmzDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function toAmzDate(httpDate: string): string {
  const ms = Date.parse(httpDate);
  return Number.isNaN(ms) ? "" : new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, "");
}
