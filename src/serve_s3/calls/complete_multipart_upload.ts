/** CompleteMultipartUpload. */
import { createHash } from "node:crypto";
import {
  type Checksum,
  CHECKSUM_ALGORITHMS,
  checksumElement,
  checksumHeader,
  combinedChecksum,
  compositeChecksum,
} from "../body/checksums.ts";
import { receiveBytes } from "../body/receive.ts";
import { bucketOf, type Call, xmlResponse } from "../call.ts";
import { readWriteCondition } from "../conditions.ts";
import { S3Error } from "../s3_error.ts";
import type { PartRecord, UploadRecord } from "../store/records.ts";
import type { Upload } from "../store/uploads.ts";
import { versionIdHeader } from "../versions.ts";
import { parseXml, type XmlElement } from "../xml_reader.ts";
import { text } from "../xml_writer.ts";

/** Smallest part, but for the last one. */
const PART_BYTES_MIN = 5 * 2 ** 20;
const PARTS_MAX = 10_000;
const DOCUMENT_BYTES_MAX = 8 * 2 ** 20;

export async function completeMultipartUpload(call: Call): Promise<Response> {
  const bucket = bucketOf(call);
  const { key, query, headers } = call.request;
  const id = query.get("uploadId") ?? "";
  const condition = readWriteCondition(headers, bucket.index.current(key));
  const bytes = await completionDocument(call);
  const upload = bucket.uploads.get(id, key);
  const parts = requestedParts(bytes, upload);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  checkObjectSize(headers, size);
  const checksum = objectChecksum(upload.record, parts, headers);
  const md5s = createHash("md5");
  for (const part of parts) md5s.update(part.etag, "hex");
  const { headers: kept, metadata, storageClass, tags } = upload.record;
  const extents = parts.flatMap((part) => part.extents);
  bucket.blobs.retain(extents);
  try {
    const version = bucket.put({
      headers: kept,
      metadata,
      storageClass,
      tags,
      key,
      size,
      etag: `${md5s.digest("hex")}-${parts.length}`,
      extents,
      partSizes: parts.map((part) => part.size),
      ...(checksum === undefined ? {} : { checksum }),
    }, condition);
    bucket.uploads.remove(id, key);
    return xmlResponse("CompleteMultipartUploadResult", [
      text("Location", `http://${headers.get("host")}${call.request.path}`),
      text("Bucket", bucket.name),
      text("Key", key),
      text("ETag", `"${version.etag}"`),
      checksum === undefined ? "" : text(checksumElement(checksum.algorithm), checksum.value) +
        text("ChecksumType", checksum.type),
    ], versionIdHeader(bucket, version));
  } catch (error) {
    bucket.blobs.release(extents);
    throw error;
  }
}

/**
 * The `x-amz-checksum-*` headers of this one request are about the object, not about the document, so
 * they are hidden from the check of the body.
 */
async function completionDocument(call: Call): Promise<Uint8Array> {
  const headers = new Headers(call.request.headers);
  for (const algorithm of CHECKSUM_ALGORITHMS) headers.delete(checksumHeader(algorithm));
  headers.delete("x-amz-sdk-checksum-algorithm");
  const request = { ...call.request, headers };
  return (await receiveBytes(request, call.signer, DOCUMENT_BYTES_MAX)).bytes;
}

/** The parts the client lists, checked against those it uploaded. */
function requestedParts(bytes: Uint8Array, upload: Upload): PartRecord[] {
  const listed = parseXml(bytes, "CompleteMultipartUpload").all("Part");
  if (listed.length === 0 || listed.length > PARTS_MAX) {
    throw new S3Error("MalformedXML", "You must specify at least one part");
  }
  let previous = 0;
  const parts = listed.map((element) => {
    const part = requestedPart(element, upload);
    if (part.number <= previous) {
      throw new S3Error(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        { details: { UploadId: upload.record.id } },
      );
    }
    previous = part.number;
    return part;
  });
  for (const part of parts.slice(0, -1)) {
    if (part.size >= PART_BYTES_MIN) continue;
    throw new S3Error(
      "EntityTooSmall",
      "Your proposed upload is smaller than the minimum allowed size",
      {
        details: {
          ProposedSize: String(part.size),
          MinSizeAllowed: String(PART_BYTES_MIN),
          PartNumber: String(part.number),
          ETag: part.etag,
        },
      },
    );
  }
  return parts;
}

function requestedPart(element: XmlElement, { record, parts }: Upload): PartRecord {
  const number = Number(element.childText("PartNumber") ?? NaN);
  const etag = (element.childText("ETag") ?? "").trim().replace(/^"|"$/g, "");
  const part = parts.get(number);
  if (part === undefined || part.etag !== etag) {
    throw new S3Error(
      "InvalidPart",
      "One or more of the specified parts could not be found. The part may not have been " +
        "uploaded, or the specified entity tag may not match the part's entity tag.",
      { details: { UploadId: record.id, PartNumber: String(number), ETag: etag } },
    );
  }
  for (const { algorithm, value } of part.checksums) {
    const given = element.childText(checksumElement(algorithm));
    if (given !== undefined && given !== value) {
      throw new S3Error(
        "InvalidPart",
        `The ${algorithm} checksum of part ${number} does not match the part that was uploaded.`,
        { details: { UploadId: record.id, PartNumber: String(number) } },
      );
    }
    if (given === undefined && record.checksumType === "COMPOSITE") {
      throw new S3Error(
        "InvalidRequest",
        `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request ` +
          `must include the checksum for each part. It was missing for part ${number} in the request.`,
      );
    }
  }
  return part;
}

function checkObjectSize(headers: Headers, size: number): void {
  const expected = headers.get("x-amz-mp-object-size");
  if (expected === null || Number(expected) === size) return;
  throw new S3Error(
    "InvalidRequest",
    `The provided 'x-amz-mp-object-size' header value ${expected} does not match what was ` +
      `computed: ${size}`,
  );
}

/** Every part has the upload's checksum, since UploadPart computes it when the client does not. */
function objectChecksum(
  { checksumAlgorithm: algorithm, checksumType: type }: UploadRecord,
  parts: readonly PartRecord[],
  headers: Headers,
): Checksum | undefined {
  if (algorithm === undefined || type === undefined) return undefined;
  const values = parts.map((part) => ({
    size: part.size,
    value: part.checksums.find((checksum) => checksum.algorithm === algorithm)?.value ?? "",
  }));
  const value = type === "FULL_OBJECT"
    ? combinedChecksum(algorithm, values)
    : compositeChecksum(algorithm, values.map((part) => part.value));
  const expected = headers.get(checksumHeader(algorithm));
  if (expected !== null && expected !== value) {
    throw new S3Error(
      "BadDigest",
      `The ${algorithm.toLowerCase()} you specified did not match the calculated checksum.`,
    );
  }
  return { algorithm, value, type };
}
