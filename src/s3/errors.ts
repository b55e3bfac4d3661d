/** The failures of an object store, classified where they arise, so that nobody above reads message texts. */

/** What identifies a failed request. */
export interface StoreErrorDetails {
  /** The operation as S3 names it, for example "GetObject". */
  readonly operation: string;
  readonly bucket: string;
  readonly key?: string;
  /** HTTP status; absent when no answer came. */
  readonly status?: number;
  /** The error code of S3's XML body, for example "NoSuchKey". */
  readonly code?: string;
  readonly requestId?: string;
  /** What the user can do about it. */
  readonly hint?: string;
  /** When the server says so (Retry-After), how long to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** Any failure of a request to the object store. */
export class StoreError extends Error {
  override readonly name: string = "StoreError";
  /** Whether the same request may succeed when it is sent again after a pause. */
  readonly retryable: boolean = false;
  readonly details: StoreErrorDetails;

  constructor(message: string, details: StoreErrorDetails, options?: ErrorOptions) {
    super(describe(message, details), options);
    this.details = details;
  }
}

/** There is no such object, upload or (code NoSuchBucket) bucket. */
export class NotFoundError extends StoreError {
  override readonly name = "NotFoundError";
}

/** The bucket of the config does not exist at this endpoint. */
export class BucketNotFoundError extends StoreError {
  override readonly name = "BucketNotFoundError";
}

/** Which object a condition was about: a copy's source, or the object that the operation names. */
export type ConditionSubject = "source" | "target";

/** If-Match or If-None-Match did not hold (412). */
export class PreconditionFailedError extends StoreError {
  override readonly name = "PreconditionFailedError";
  /** "source" for a copy whose source has changed or is gone. */
  readonly what: ConditionSubject;

  constructor(
    message: string,
    details: StoreErrorDetails,
    options: ErrorOptions & { readonly what?: ConditionSubject } = {},
  ) {
    super(message, details, options);
    this.what = options.what ?? "target";
  }
}

/** The credentials are missing, wrong, expired, or not allowed to do this (401, 403). */
export class AccessDeniedError extends StoreError {
  override readonly name: string = "AccessDeniedError";
}

/**
 * The credentials were good and are not any more, or can be had again by signing in: a mount waits for
 * that, while one whose credentials are simply wrong has to be corrected.
 */
export class SignedOutError extends AccessDeniedError {
  override readonly name = "SignedOutError";
}

/** The bucket lives in another region than the request was signed for. */
export class WrongRegionError extends StoreError {
  override readonly name = "WrongRegionError";
  /** The region the server named, if it did. */
  readonly region: string | undefined;

  constructor(message: string, details: StoreErrorDetails, region: string | undefined) {
    super(message, details);
    this.region = region;
  }
}

/** This machine's clock is too far from the server's (RequestTimeTooSkewed). */
export class ClockSkewError extends StoreError {
  override readonly name = "ClockSkewError";
  /** Server time minus our time, in milliseconds. */
  readonly skewMs: number;

  constructor(message: string, details: StoreErrorDetails, skewMs: number) {
    super(message, details);
    this.skewMs = skewMs;
  }
}

/** The server asks us to slow down (503 SlowDown, 429). */
export class ThrottledError extends StoreError {
  override readonly name = "ThrottledError";
  override readonly retryable = true;
}

/** What the server got or stored is not what was sent: never to be taken for a success. */
export class IntegrityError extends StoreError {
  override readonly name = "IntegrityError";
  override readonly retryable = true;
  /** Of the wrong object, which a repeated write has to replace; absent when nothing was stored. */
  readonly etag: string | undefined;

  constructor(message: string, details: StoreErrorDetails, etag?: string) {
    super(message, details);
    this.etag = etag;
  }
}

/**
 * The server failed (5xx, RequestTimeout), or is busy with another write of the same object (409):
 * worth another try.
 */
export class ServerError extends StoreError {
  override readonly name = "ServerError";
  override readonly retryable = true;
}

/** No complete answer: refused, reset, timed out, or a body that ended early. */
export class TransportError extends StoreError {
  override readonly name = "TransportError";
  override readonly retryable = true;
}

/** The endpoint answered something that is not S3 (HTML, truncated or garbled XML, wrong lengths). */
export class ProtocolError extends StoreError {
  override readonly name = "ProtocolError";
  override readonly retryable = true;
}

/** The endpoint does not offer this operation (501 NotImplemented, 405). */
export class UnsupportedError extends StoreError {
  override readonly name = "UnsupportedError";
}

/** The request cannot be expressed: a key too long, or with a "." or ".." segment that URLs do not carry. */
export class InvalidKeyError extends StoreError {
  override readonly name = "InvalidKeyError";
}

function describe(message: string, details: StoreErrorDetails): string {
  const place = details.key === undefined
    ? `bucket "${details.bucket}"`
    : `"${details.bucket}/${details.key}"`;
  const answer = [
    details.status === undefined ? undefined : `status ${details.status}`,
    details.code,
    details.requestId === undefined ? undefined : `request id ${details.requestId}`,
  ].filter((part) => part !== undefined).join(", ");
  const hint = details.hint === undefined ? "" : `. ${details.hint}`;
  return `${details.operation} ${place}: ${message}${answer === "" ? "" : ` (${answer})`}${hint}`;
}
