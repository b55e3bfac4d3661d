/** Conditional requests: those that read (RFC 9110, section 13) and those that write (S3 user guide). */
import { S3Error } from "./s3_error.ts";
import type { ObjectVersion } from "./store/records.ts";

/** Under which circumstances a write may replace the current object. */
export interface WriteCondition {
  /** Only if the current object has this ETag. */
  readonly ifMatch?: string;
  /** Only if there is no object. */
  readonly ifAbsent?: boolean;
  /** What was there when the request came, to tell a lost race from a failed condition. */
  readonly seen?: ObjectVersion;
}

/** Reads `If-Match` and `If-None-Match: *` of a writing request. */
export function readWriteCondition(
  headers: Headers,
  seen: ObjectVersion | undefined,
): WriteCondition {
  const ifMatch = headers.get("if-match");
  const ifNoneMatch = headers.get("if-none-match");
  if (ifNoneMatch !== null && (ifNoneMatch !== "*" || ifMatch !== null)) {
    throw new S3Error(
      "NotImplemented",
      "A header you provided implies functionality that is not implemented",
      { details: { Header: "If-None-Match" } },
    );
  }
  return {
    ...(ifMatch === null ? {} : { ifMatch }),
    ...(ifNoneMatch === null ? {} : { ifAbsent: true }),
    ...(seen === undefined ? {} : { seen }),
  };
}

/** Throws unless the condition holds for the current object. */
export function checkWriteCondition(
  condition: WriteCondition,
  current: ObjectVersion | undefined,
): void {
  const { ifMatch, ifAbsent, seen } = condition;
  if (ifMatch === undefined && ifAbsent !== true) return;
  if (current === undefined && seen !== undefined) {
    throw new S3Error(
      "ConditionalRequestConflict",
      "The conditional request cannot succeed due to a conflicting operation against this resource.",
    );
  }
  if (ifAbsent === true && current !== undefined) throw preconditionFailed("If-None-Match");
  if (ifMatch === undefined) return;
  if (current === undefined) throw noSuchKey();
  if (!etagMatches(ifMatch, current.etag)) throw preconditionFailed("If-Match");
}

/** `If-Match` of a deletion; a missing object is as good as deleted, unless any ("*") was asked for. */
export function checkDeleteCondition(
  ifMatch: string | undefined,
  current: ObjectVersion | undefined,
): void {
  if (ifMatch === undefined) return;
  const holds = current === undefined ? ifMatch !== "*" : etagMatches(ifMatch, current.etag);
  if (!holds) throw preconditionFailed("If-Match");
}

/** The four conditions of a read, or with a header prefix those of a copy on its source. */
export function checkReadConditions(
  headers: Headers,
  version: ObjectVersion,
  prefix: "" | "x-amz-copy-source-" = "",
): void {
  const ifMatch = headers.get(`${prefix}if-match`);
  const ifNoneMatch = headers.get(`${prefix}if-none-match`);
  const modifiedSince = httpSeconds(headers.get(`${prefix}if-modified-since`));
  const unmodifiedSince = httpSeconds(headers.get(`${prefix}if-unmodified-since`));
  const modified = Math.floor(version.lastModifiedMs / 1000);
  if (ifMatch !== null) {
    if (!etagMatches(ifMatch, version.etag)) throw preconditionFailed(`${prefix}If-Match`);
  } else if (unmodifiedSince !== undefined && modified > unmodifiedSince) {
    throw preconditionFailed(`${prefix}If-Unmodified-Since`);
  }
  const unchanged = ifNoneMatch !== null
    ? etagMatches(ifNoneMatch, version.etag)
    : modifiedSince !== undefined && modified <= modifiedSince;
  if (!unchanged) return;
  // A copy has no cached body to go on with.
  if (prefix !== "") throw preconditionFailed(`${prefix}If-None-Match`);
  throw new S3Error("NotModified", "Not Modified", {
    headers: {
      etag: `"${version.etag}"`,
      "last-modified": new Date(version.lastModifiedMs).toUTCString(),
    },
  });
}

export function noSuchKey(headers: Record<string, string> = {}): S3Error {
  return new S3Error("NoSuchKey", "The specified key does not exist.", { headers });
}

function preconditionFailed(condition: string): S3Error {
  return new S3Error(
    "PreconditionFailed",
    "At least one of the pre-conditions you specified did not hold",
    { details: { Condition: condition } },
  );
}

/** S3 takes ETags with and without quotes. */
function etagMatches(header: string, etag: string): boolean {
  return header.split(",").some((part) => {
    const candidate = part.trim().replace(/^W\//, "");
    return candidate === "*" || candidate === etag || candidate === `"${etag}"`;
  });
}

function httpSeconds(date: string | null): number | undefined {
  const ms = date === null ? NaN : Date.parse(date);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
