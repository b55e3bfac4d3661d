/** ListObjectVersions. */
import { bucketOf, type Call, isoTime, OWNER_ID, xmlResponse } from "../call.ts";
import {
  commonPrefix,
  listingElements,
  type ListingQuery,
  pageOf,
  readListingQuery,
} from "../listing.ts";
import { S3Error } from "../s3_error.ts";
import type { KeyIndex } from "../store/key_index.ts";
import type { ObjectVersion } from "../store/records.ts";
import { element, text } from "../xml_writer.ts";

interface Listed {
  readonly key: string;
  readonly version: ObjectVersion;
  readonly isLatest: boolean;
}

export function listObjectVersions(call: Call): Response {
  const bucket = bucketOf(call);
  const { query } = call.request;
  const listing = readListingQuery(query, "max-keys");
  const keyMarker = query.get("key-marker") ?? "";
  const versionIdMarker = query.get("version-id-marker") ?? "";
  if (versionIdMarker !== "" && keyMarker === "") {
    throw new S3Error(
      "InvalidArgument",
      "A version-id marker cannot be specified without a key marker.",
    );
  }
  const page = pageOf(versionsAfter(bucket.index, listing, keyMarker, versionIdMarker), listing);
  const lastItem = page.items.at(-1);
  const [begin, end] = listingElements(listing, page);
  const next = page.truncated
    ? text("NextKeyMarker", listing.encode(page.last)) +
      text(
        "NextVersionIdMarker",
        lastItem?.key === page.last ? lastItem.version.versionId : undefined,
      )
    : "";
  return xmlResponse("ListVersionsResult", [
    text("Name", bucket.name),
    begin,
    text("KeyMarker", listing.encode(keyMarker)),
    text("VersionIdMarker", versionIdMarker),
    next,
    text("MaxKeys", listing.max),
    ...page.items.map((listed) => versionElement(listed, listing)),
    end,
  ]);
}

/** All versions, newest first within a key, from behind the markers on. */
function* versionsAfter(
  index: KeyIndex,
  listing: ListingQuery,
  keyMarker: string,
  versionIdMarker: string,
): Generator<Listed, void, void> {
  const skipped = commonPrefix(keyMarker, listing) === keyMarker ? keyMarker : undefined;
  let position = Math.max(index.lowerBound(keyMarker), index.lowerBound(listing.prefix));
  for (let entry = index.at(position); entry !== undefined; entry = index.at(++position)) {
    if (!entry.key.startsWith(listing.prefix)) return;
    if (skipped !== undefined && entry.key.startsWith(skipped)) continue;
    let from = 0;
    if (entry.key === keyMarker) {
      const marked = entry.versions.findIndex((version) => version.versionId === versionIdMarker);
      from = marked < 0 ? entry.versions.length : marked + 1;
    }
    for (let i = from; i < entry.versions.length; i++) {
      yield { key: entry.key, version: entry.versions[i]!, isLatest: i === 0 };
    }
  }
}

function versionElement({ key, version, isLatest }: Listed, listing: ListingQuery): string {
  return element(
    version.deleteMarker ? "DeleteMarker" : "Version",
    text("Key", listing.encode(key)),
    text("VersionId", version.versionId),
    text("IsLatest", isLatest),
    text("LastModified", isoTime(version.lastModifiedMs)),
    version.deleteMarker ? "" : text("ETag", `"${version.etag}"`) + text("Size", version.size) +
      text("StorageClass", version.storageClass),
    element("Owner", text("ID", OWNER_ID)),
  );
}
