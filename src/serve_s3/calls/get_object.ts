/** GetObject and HeadObject: the same but for the body. */
import { bucketOf, type Call } from "../call.ts";
import { checkReadConditions } from "../conditions.ts";
import { checksumHeaders, versionHeaders } from "../properties.ts";
import { integerParameter, type Query } from "../request.ts";
import { S3Error } from "../s3_error.ts";
import type { ObjectVersion } from "../store/records.ts";
import { versionIdHeader, versionToRead } from "../versions.ts";

export function getObject(call: Call): Response {
  const { request } = call;
  const bucket = bucketOf(call);
  const version = versionToRead(bucket, request.key, request.query.get("versionId"));
  checkReadConditions(request.headers, version);
  const slice = partSlice(request.query, version) ??
    parseRange(request.headers.get("range"), version.size);
  const { start, end } = slice ?? { start: 0, end: version.size };
  const headers: Record<string, string> = {
    ...versionHeaders(version),
    ...versionIdHeader(bucket, version),
    ...overrides(request.query),
    "content-length": String(end - start),
  };
  if (request.headers.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED" && !slice) {
    Object.assign(headers, checksumHeaders(version));
  }
  if (slice !== undefined) {
    headers["content-range"] = `bytes ${start}-${end - 1}/${version.size}`;
    if (slice.partsCount !== undefined) {
      headers["x-amz-mp-parts-count"] = String(slice.partsCount);
    }
  }
  const body = request.method === "HEAD" ? null : bucket.blobs.open(version.extents, start, end);
  return new Response(body, { status: slice === undefined ? 200 : 206, headers });
}

interface Slice {
  readonly start: number;
  readonly end: number;
  readonly partsCount?: number;
}

/**
 * One range of bytes, half-open. What is not one valid range is ignored, as RFC 9110 wants, and S3
 * also answers several ranges with the whole object; a range outside the object is `InvalidRange`.
 */
export function parseRange(header: string | null, size: number): Slice | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, first, last] = match;
  if (first === "" && last === "") return undefined;
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (start < end) return { start, end };
  throw new S3Error("InvalidRange", "The requested range is not satisfiable", {
    details: { RangeRequested: header ?? "", ActualObjectSize: String(size) },
    headers: { "content-range": `bytes */${size}` },
  });
}

/** `?partNumber=N` reads one part of an object that was uploaded in parts. */
function partSlice(query: Query, version: ObjectVersion): Slice | undefined {
  if (!query.has("partNumber")) return undefined;
  const number = integerParameter(query, "partNumber", 1, 1, 10_000);
  const sizes = version.partSizes ?? [version.size];
  const size = sizes[number - 1];
  if (size === undefined) {
    throw new S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable");
  }
  if (version.size === 0) return undefined;
  const start = sizes.slice(0, number - 1).reduce((sum, other) => sum + other, 0);
  const partsCount = version.partSizes?.length;
  return { start, end: start + size, ...(partsCount === undefined ? {} : { partsCount }) };
}

/** `response-content-type` and its like replace headers of the answer. */
function overrides(query: Query): Record<string, string> {
  const names = ["type", "language", "disposition", "encoding"].map((name) => `content-${name}`);
  const headers: Record<string, string> = {};
  for (const name of ["cache-control", "expires", ...names]) {
    const value = query.get(`response-${name}`);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
