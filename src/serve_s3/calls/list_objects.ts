/** ListObjectsV2 and its predecessor, ListObjects. */
import { Buffer } from "node:buffer";
import { bucketOf, type Call, isoTime, OWNER_ID, xmlResponse } from "../call.ts";
import { listingElements, type ListingQuery, pageOfKeys, readListingQuery } from "../listing.ts";
import { S3Error } from "../s3_error.ts";
import type { ObjectVersion } from "../store/records.ts";
import { element, text } from "../xml_writer.ts";

export function listObjectsV2(call: Call): Response {
  const bucket = bucketOf(call);
  const { query } = call.request;
  const listing = readListingQuery(query, "max-keys");
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const after = token === undefined ? startAfter ?? "" : parseToken(token);
  const page = pageOfKeys(bucket.index, listing, after);
  const owner = query.get("fetch-owner") === "true";
  const [begin, end] = listingElements(listing, page);
  return xmlResponse("ListBucketResult", [
    text("Name", bucket.name),
    begin,
    text("StartAfter", startAfter === undefined ? undefined : listing.encode(startAfter)),
    text("ContinuationToken", token),
    text("NextContinuationToken", page.truncated ? makeToken(page.last) : undefined),
    text("KeyCount", page.items.length + page.prefixes.length),
    text("MaxKeys", listing.max),
    ...page.items.map((version) => contents(version, listing, owner)),
    end,
  ]);
}

export function listObjects(call: Call): Response {
  const bucket = bucketOf(call);
  const listing = readListingQuery(call.request.query, "max-keys");
  const marker = call.request.query.get("marker") ?? "";
  const page = pageOfKeys(bucket.index, listing, marker);
  // Without a delimiter clients go on after the last key themselves.
  const next = page.truncated && listing.delimiter !== "" ? listing.encode(page.last) : undefined;
  const [begin, end] = listingElements(listing, page);
  return xmlResponse("ListBucketResult", [
    text("Name", bucket.name),
    begin,
    text("Marker", listing.encode(marker)),
    text("NextMarker", next),
    text("MaxKeys", listing.max),
    ...page.items.map((version) => contents(version, listing, true)),
    end,
  ]);
}

function contents(version: ObjectVersion, listing: ListingQuery, owner: boolean): string {
  return element(
    "Contents",
    text("Key", listing.encode(version.key)),
    text("LastModified", isoTime(version.lastModifiedMs)),
    text("ETag", `"${version.etag}"`),
    text("ChecksumAlgorithm", version.checksum?.algorithm),
    text("ChecksumType", version.checksum?.type),
    text("Size", version.size),
    owner ? element("Owner", text("ID", OWNER_ID)) : "",
    text("StorageClass", version.storageClass),
  );
}

// Opaque to clients on purpose: a token that looks like a key invites being used as one.
function makeToken(last: string): string {
  return Buffer.from(`1${last}`).toString("base64");
}

function parseToken(token: string): string {
  const decoded = Buffer.from(token, "base64").toString();
  if (decoded.startsWith("1") && makeToken(decoded.slice(1)) === token) return decoded.slice(1);
  throw new S3Error("InvalidArgument", "The continuation token provided is incorrect", {
    details: { ArgumentName: "continuation-token" },
  });
}
