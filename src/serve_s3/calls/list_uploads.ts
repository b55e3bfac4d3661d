/** ListMultipartUploads and ListParts. */
import { checksumElement } from "../body/checksums.ts";
import { bucketOf, type Call, isoTime, OWNER_ID, xmlResponse } from "../call.ts";
import { commonPrefix, listingElements, pageOf, readListingQuery } from "../listing.ts";
import { integerParameter } from "../request.ts";
import { compareKeys } from "../store/key_order.ts";
import type { PartRecord } from "../store/records.ts";
import { element, text } from "../xml_writer.ts";

const PARTS_PAGE_MAX = 1000;

export function listMultipartUploads(call: Call): Response {
  const bucket = bucketOf(call);
  const { query } = call.request;
  const listing = readListingQuery(query, "max-uploads");
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = keyMarker === "" ? "" : query.get("upload-id-marker") ?? "";
  const sorted = bucket.uploads.all().sort((a, b) =>
    compareKeys(a.key, b.key) || a.initiatedMs - b.initiatedMs || compareKeys(a.id, b.id)
  );
  // The marked upload may be gone; then the rest of its key is skipped too.
  const marked = sorted.findIndex((upload) => upload.key === keyMarker && upload.id === idMarker);
  const isPrefix = keyMarker !== "" && commonPrefix(keyMarker, listing) === keyMarker;
  const rest = marked >= 0
    ? sorted.slice(marked + 1)
    : sorted.filter((upload) =>
      compareKeys(upload.key, keyMarker) > 0 && !(isPrefix && upload.key.startsWith(keyMarker))
    );
  const page = pageOf(rest, listing);
  const lastItem = page.items.at(-1);
  const [begin, end] = listingElements(listing, page);
  return xmlResponse("ListMultipartUploadsResult", [
    text("Bucket", bucket.name),
    begin,
    text("KeyMarker", listing.encode(keyMarker)),
    text("UploadIdMarker", idMarker),
    page.truncated
      ? text("NextKeyMarker", listing.encode(page.last)) +
        text("NextUploadIdMarker", lastItem?.key === page.last ? lastItem.id : "")
      : "",
    text("MaxUploads", listing.max),
    ...page.items.map((upload) =>
      element(
        "Upload",
        text("Key", listing.encode(upload.key)),
        text("UploadId", upload.id),
        element("Initiator", text("ID", OWNER_ID)),
        element("Owner", text("ID", OWNER_ID)),
        text("StorageClass", upload.storageClass),
        text("Initiated", isoTime(upload.initiatedMs)),
        text("ChecksumAlgorithm", upload.checksumAlgorithm),
        text("ChecksumType", upload.checksumType),
      )
    ),
    end,
  ]);
}

export function listParts(call: Call): Response {
  const bucket = bucketOf(call);
  const { query, key } = call.request;
  const { record, parts } = bucket.uploads.get(query.get("uploadId") ?? "", key);
  const max = Math.min(
    integerParameter(query, "max-parts", PARTS_PAGE_MAX, 0, 2 ** 31 - 1),
    PARTS_PAGE_MAX,
  );
  const marker = integerParameter(query, "part-number-marker", 0, 0, 2 ** 31 - 1);
  const rest = [...parts.values()].filter((part) => part.number > marker)
    .sort((a, b) => a.number - b.number);
  const page = rest.slice(0, max);
  const truncated = page.length > 0 && page.length < rest.length;
  return xmlResponse("ListPartsResult", [
    text("Bucket", bucket.name),
    text("Key", key),
    text("UploadId", record.id),
    element("Initiator", text("ID", OWNER_ID)),
    element("Owner", text("ID", OWNER_ID)),
    text("StorageClass", record.storageClass),
    text("PartNumberMarker", marker),
    text("NextPartNumberMarker", truncated ? page.at(-1)?.number : undefined),
    text("MaxParts", max),
    text("IsTruncated", truncated),
    text("ChecksumAlgorithm", record.checksumAlgorithm),
    text("ChecksumType", record.checksumType),
    ...page.map(partElement),
  ]);
}

function partElement(part: PartRecord): string {
  return element(
    "Part",
    text("PartNumber", part.number),
    text("LastModified", isoTime(part.lastModifiedMs)),
    text("ETag", `"${part.etag}"`),
    text("Size", part.size),
    ...part.checksums.map(({ algorithm, value }) => text(checksumElement(algorithm), value)),
  );
}
