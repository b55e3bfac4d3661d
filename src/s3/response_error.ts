/** From an answer, or the lack of one, to the typed error: the only place that knows S3's codes. */
import type { HttpError, HttpErrorKind } from "../net/http_error.ts";
import type { HttpHeaders } from "../net/http_exchange.ts";
import {
  AccessDeniedError,
  BucketNotFoundError,
  ClockSkewError,
  IntegrityError,
  NotFoundError,
  PreconditionFailedError,
  ProtocolError,
  ServerError,
  SignedOutError,
  StoreError,
  type StoreErrorDetails,
  ThrottledError,
  TransportError,
  UnsupportedError,
  WrongRegionError,
} from "./errors.ts";
import { parseErrorXml } from "./xml.ts";

/** What was asked, where. */
export interface RequestContext {
  readonly operation: string;
  readonly bucket: string;
  readonly key?: string;
  /** Scheme, host and port of the endpoint. */
  readonly origin: string;
  /** Region the request was signed for. */
  readonly region: string;
}

export interface FailedAnswer {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** The whole body, "" for HEAD. */
  readonly text: string;
}

const THROTTLE_CODES = new Set([
  "SlowDown",
  "SlowDownRead",
  "SlowDownWrite",
  "Throttling",
  "ThrottlingException",
  "TooManyRequests",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "BandwidthLimitExceeded",
]);

/** Another write of the same object is under way: how it ends decides whether a condition holds. */
const BUSY_CODES = new Set(["ConditionalRequestConflict", "OperationAborted"]);

/** The body that arrived is not the one that its checksum, or the signature, was made for. */
const DAMAGED_CODES = new Set([
  "BadDigest",
  "XAmzContentChecksumMismatch",
  "XAmzContentSHA256Mismatch",
]);

const UNSUPPORTED_CODES = new Set(["NotImplemented", "MethodNotAllowed"]);

const NOT_FOUND_CODES = new Set(["NoSuchKey", "NoSuchUpload", "NoSuchVersion"]);

const ACCESS_HINTS: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: "The endpoint does not know this access key: check the credentials",
  SignatureDoesNotMatch: "The secret key does not belong to the access key: check the credentials",
  ExpiredToken: "The session has expired: sign in again (for SSO: aws sso login)",
  InvalidToken: "The session token is wrong: sign in again",
};

/** Sessions end, and S3 says so. Sources: the S3 API's error codes, and those of STS that servers pass on. */
const SIGNED_OUT_CODES = new Set([
  "ExpiredToken",
  "ExpiredTokenException",
  "TokenRefreshRequired",
  "RequestExpired",
]);

/** Rotated keys are answered with these until they are read anew. */
const WRONG_KEY_CODES = new Set([
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidToken",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
]);

/**
 * Whether others than the credentials that were used would have got another answer. An answer to HEAD
 * has no body, so no code: then nobody knows.
 */
export function doubtAboutCredentials(error: unknown): "certain" | "possible" | undefined {
  if (!(error instanceof StoreError)) return undefined;
  const { status, code } = error.details;
  if (error instanceof SignedOutError || (code !== undefined && WRONG_KEY_CODES.has(code))) {
    return "certain";
  }
  const isBare = code === undefined && (status === 400 || status === 401 || status === 403);
  return isBare ? "possible" : undefined;
}

/** The error that a non-2xx answer (or an error document in a 2xx one) stands for. */
export function errorFromAnswer(
  context: RequestContext,
  answer: FailedAnswer,
  nowMs: number,
): StoreError {
  const xml = parseErrorXml(answer.text);
  const code = xml?.get("Code");
  const requestId = answer.headers.get("x-amz-request-id") ?? xml?.get("RequestId");
  const details: StoreErrorDetails = {
    operation: context.operation,
    bucket: context.bucket,
    status: answer.status,
    ...(context.key === undefined ? {} : { key: context.key }),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined || requestId === null ? {} : { requestId }),
    ...retryAfter(answer.headers, nowMs),
  };
  if (answer.text.trim() !== "" && xml === undefined) return notS3(context, details, answer);
  const message = xml?.get("Message") ?? defaultMessage(answer.status);
  const region = answer.headers.get("x-amz-bucket-region") ?? xml?.get("Region");
  return regionError(context, details, message, region ?? undefined) ??
    accessError(details, message, answer.headers, nowMs) ??
    conditionError(details, message, xml?.get("Condition")) ??
    byStatus(details, message);
}

function regionError(
  context: RequestContext,
  details: StoreErrorDetails,
  message: string,
  region: string | undefined,
): WrongRegionError | undefined {
  const { status = 0, code } = details;
  const isRedirect = status >= 300 && status < 400;
  const names = code === "AuthorizationHeaderMalformed" || code === "IllegalLocationConstraint" ||
    code === "PermanentRedirect" || code === "TemporaryRedirect";
  // HEAD has no body: a 400 that names another region is all there is.
  const bare = status === 400 && code === undefined && region !== undefined &&
    region !== context.region;
  if (!isRedirect && !names && !bare) return undefined;
  const hint = region === undefined
    ? `The request was signed for region "${context.region}": set region (or endpoint) to the bucket's own`
    : `Set region = "${region}"`;
  return new WrongRegionError(message, { ...details, hint }, region);
}

function accessError(
  details: StoreErrorDetails,
  message: string,
  headers: HttpHeaders,
  nowMs: number,
): StoreError | undefined {
  const { status, code = "" } = details;
  if (code === "RequestTimeTooSkewed") {
    const skewMs = Date.parse(headers.get("date") ?? "") - nowMs;
    const hint = "Set this machine's clock";
    return new ClockSkewError(message, { ...details, hint }, Number.isNaN(skewMs) ? 0 : skewMs);
  }
  const isDenied = status === 401 || status === 403 || code === "AccessDenied" ||
    ACCESS_HINTS[code] !== undefined || SIGNED_OUT_CODES.has(code);
  if (!isDenied) return undefined;
  if (THROTTLE_CODES.has(code)) return undefined;
  const hint = ACCESS_HINTS[code] ??
    "These credentials may not do this: check the credentials and the bucket's policy";
  const kind = SIGNED_OUT_CODES.has(code) ? SignedOutError : AccessDeniedError;
  return new kind(message, { ...details, hint });
}

function conditionError(
  details: StoreErrorDetails,
  message: string,
  condition = "",
): StoreError | undefined {
  const { status, code = "" } = details;
  if (BUSY_CODES.has(code)) return new ServerError(message, details);
  if (status !== 412 && status !== 409 && code !== "PreconditionFailed") return undefined;
  const isSource = condition.toLowerCase().startsWith("x-amz-copy-source");
  return new PreconditionFailedError(message, details, isSource ? { what: "source" } : {});
}

function byStatus(details: StoreErrorDetails, message: string): StoreError {
  const { status = 0, code = "" } = details;
  if (code === "NoSuchBucket") {
    const hint = "Check the name of the bucket and the endpoint";
    return new BucketNotFoundError(message, { ...details, hint });
  }
  if (status === 404 || NOT_FOUND_CODES.has(code)) return new NotFoundError(message, details);
  if (DAMAGED_CODES.has(code)) return new IntegrityError(message, details);
  if (status === 429 || THROTTLE_CODES.has(code)) return new ThrottledError(message, details);
  if (status === 501 || status === 405 || UNSUPPORTED_CODES.has(code)) {
    const hint = "The endpoint does not offer this operation";
    return new UnsupportedError(message, { ...details, hint });
  }
  // 503 without a telling code is how proxies and S3 itself answer under load.
  if (status === 503) return new ThrottledError(message, details);
  const isServerFault = status >= 500 || status === 408 || code === "RequestTimeout" ||
    code === "InternalError" || code === "ServiceUnavailable";
  if (isServerFault) return new ServerError(message, details);
  return new StoreError(message, details);
}

/** HTML and other text: a proxy, a captive portal, or a web server at that address. */
function notS3(
  context: RequestContext,
  details: StoreErrorDetails,
  answer: FailedAnswer,
): StoreError {
  const { status } = answer;
  if (status === 429 || status === 503) {
    return new ThrottledError("the endpoint or a proxy before it is overloaded", details);
  }
  if (status >= 500 || status === 408) {
    return new ServerError("the endpoint or a proxy before it failed", details);
  }
  return notS3Error(context, details);
}

/** The error for an answer that is no S3 answer at all. */
export function notS3Error(context: RequestContext, details: StoreErrorDetails): ProtocolError {
  return new ProtocolError("the answer is not one of S3, or not whole", {
    ...details,
    hint:
      `Check that ${context.origin} is an S3 endpoint and that no sign-in page or proxy answers`,
  });
}

const TRANSPORT_HINTS: Readonly<Record<HttpErrorKind, string>> = {
  dns: "The host name does not resolve: check endpoint, region and the network",
  connect: "Nothing answers at this address: check endpoint and that the server runs",
  tls: "No secure connection: check http or https in endpoint, and the server's certificate",
  timeout: "Check the network; it is tried again",
  stalled: "Check the network; it is tried again",
  protocol: "What answers there does not speak HTTP: check endpoint",
  broken: "The connection was lost; it is tried again",
};

/** The error for a request that got no complete answer. */
export function errorFromTransport(context: RequestContext, error: HttpError): StoreError {
  const details: StoreErrorDetails = {
    operation: context.operation,
    bucket: context.bucket,
    ...(context.key === undefined ? {} : { key: context.key }),
    hint: TRANSPORT_HINTS[error.kind],
  };
  const message = `no complete answer from ${context.origin}: ${error.message}`;
  const kind = error.kind === "protocol" ? ProtocolError : TransportError;
  return new kind(message, details, { cause: error });
}

function retryAfter(headers: HttpHeaders, nowMs: number): { readonly retryAfterMs?: number } {
  const text = headers.get("retry-after");
  if (text === null) return {};
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) || ms < 0 ? {} : { retryAfterMs: ms };
}

function defaultMessage(status: number): string {
  if (status === 404) return "there is no such object";
  if (status === 403 || status === 401) return "access denied";
  if (status === 412) return "the condition does not hold";
  return "the request failed";
}
