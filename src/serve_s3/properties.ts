/** Object properties in request and response headers. */
import { checksumHeader } from "./body/checksums.ts";
import { parseTagPairs } from "./tags.ts";
import { Query } from "./request.ts";
import { S3Error } from "./s3_error.ts";
import type { ObjectProperties, ObjectVersion } from "./store/records.ts";

/** Headers that are kept with the object and returned as they were sent. */
const SYSTEM_HEADERS = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
  "x-amz-website-redirect-location",
];

const STORAGE_CLASSES = new Set([
  "DEEP_ARCHIVE",
  "GLACIER",
  "GLACIER_IR",
  "INTELLIGENT_TIERING",
  "ONEZONE_IA",
  "REDUCED_REDUNDANCY",
  "STANDARD",
  "STANDARD_IA",
]);

const METADATA_PREFIX = "x-amz-meta-";
/** Of names without their prefix and values together (S3 user guide, "Working with object metadata"). */
const METADATA_BYTES_MAX = 2048;

export function readProperties(headers: Headers): ObjectProperties {
  const kept: Record<string, string> = { "content-type": "binary/octet-stream" };
  for (const name of SYSTEM_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== "") kept[name] = value;
  }
  // aws-chunked describes the transfer, not the object.
  const codings = (kept["content-encoding"] ?? "").split(",").map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding !== "aws-chunked");
  if (codings.length > 0) kept["content-encoding"] = codings.join(",");
  else delete kept["content-encoding"];
  return {
    headers: kept,
    metadata: readMetadata(headers),
    storageClass: readStorageClass(headers),
    tags: parseTagPairs(new Query(headers.get("x-amz-tagging") ?? "").pairs),
  };
}

function readMetadata(headers: Headers): Record<string, string> {
  const metadata: Record<string, string> = {};
  let size = 0;
  for (const [name, value] of headers) {
    if (!name.startsWith(METADATA_PREFIX)) continue;
    const short = name.slice(METADATA_PREFIX.length);
    metadata[short] = value;
    // Header values are strings of bytes: their length is the number of bytes sent.
    size += short.length + value.length;
  }
  if (size <= METADATA_BYTES_MAX) return metadata;
  throw new S3Error(
    "MetadataTooLarge",
    "Your metadata headers exceed the maximum allowed metadata size",
    { details: { Size: String(size), MaxSizeAllowed: String(METADATA_BYTES_MAX) } },
  );
}

function readStorageClass(headers: Headers): string {
  const storageClass = headers.get("x-amz-storage-class") ?? "STANDARD";
  if (STORAGE_CLASSES.has(storageClass)) return storageClass;
  throw new S3Error("InvalidStorageClass", "The storage class you specified is not valid", {
    details: { StorageClassRequested: storageClass },
  });
}

/** Everything that GET and HEAD tell about a version, but for its length. */
export function versionHeaders(version: ObjectVersion): Record<string, string> {
  const headers: Record<string, string> = {
    ...version.headers,
    "accept-ranges": "bytes",
    "etag": `"${version.etag}"`,
    "last-modified": new Date(version.lastModifiedMs).toUTCString(),
  };
  for (const [name, value] of Object.entries(version.metadata)) {
    headers[METADATA_PREFIX + name] = value;
  }
  // S3 leaves it out for the standard class.
  if (version.storageClass !== "STANDARD") headers["x-amz-storage-class"] = version.storageClass;
  if (version.tags.length > 0) headers["x-amz-tagging-count"] = String(version.tags.length);
  return headers;
}

/** The checksum of a version, if it has one. */
export function checksumHeaders(
  { checksum }: Pick<ObjectVersion, "checksum">,
): Record<string, string> {
  if (checksum === undefined) return {};
  return {
    [checksumHeader(checksum.algorithm)]: checksum.value,
    "x-amz-checksum-type": checksum.type,
  };
}
