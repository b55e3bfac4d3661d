/** UploadPartCopy. */
import { checksumElement } from "../body/checksums.ts";
import { bucketOf, type Call, isoTime, xmlResponse } from "../call.ts";
import { S3Error } from "../s3_error.ts";
import { sliceExtents } from "../store/blob_store.ts";
import { text } from "../xml_writer.ts";
import { copySourceVersionHeader } from "./copy_object.ts";
import { copySource, digestExtents, shareExtents } from "./_copy_source.ts";
import { SINGLE_PUT_BYTES_MAX } from "./_receive_blob.ts";
import { partNumber } from "./upload_part.ts";

/** A range may only be taken of sources larger than this (S3 API reference, UploadPartCopy). */
const RANGED_SOURCE_BYTES_MIN = 5 * 2 ** 20;

export async function uploadPartCopy(call: Call): Promise<Response> {
  const bucket = bucketOf(call);
  const { key, query, headers } = call.request;
  const id = query.get("uploadId") ?? "";
  const number = partNumber(query);
  const { record } = bucket.uploads.get(id, key);
  const source = copySource(call);
  const { start, end } = sourceRange(
    headers.get("x-amz-copy-source-range"),
    source.version.size,
  );
  if (end - start > SINGLE_PUT_BYTES_MAX) {
    throw new S3Error(
      "InvalidRequest",
      `The specified copy source is larger than the maximum allowable size for a copy source: ${SINGLE_PUT_BYTES_MAX}`,
    );
  }
  const slice = sliceExtents(source.version.extents, start, end);
  const extents = await shareExtents(source.bucket, slice, bucket);
  try {
    const { md5, checksum } = await digestExtents(bucket.blobs, extents, record.checksumAlgorithm);
    const lastModifiedMs = call.clock.nowMs();
    bucket.uploads.putPart(id, key, {
      number,
      size: end - start,
      etag: md5,
      lastModifiedMs,
      extents,
      checksums: checksum === undefined ? [] : [checksum],
    });
    return xmlResponse("CopyPartResult", [
      text("LastModified", isoTime(lastModifiedMs)),
      text("ETag", `"${md5}"`),
      checksum === undefined ? "" : text(checksumElement(checksum.algorithm), checksum.value),
    ], copySourceVersionHeader(source));
  } catch (error) {
    bucket.blobs.release(extents);
    throw error;
  }
}

/** Unlike a GET's, this range must be complete and lie inside the source. */
function sourceRange(header: string | null, size: number): { start: number; end: number } {
  if (header === null) return { start: 0, end: size };
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header);
  const [start, end] = match === null ? [0, 0] : [Number(match[1]), Number(match[2]) + 1];
  if (match === null || start >= end) {
    throw invalidRange(
      header,
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and " +
        "last are the zero-based offsets of the first and last bytes to copy",
    );
  }
  if (end > size) {
    throw invalidRange(header, `Range specified is not valid for source object of size: ${size}`);
  }
  if (size <= RANGED_SOURCE_BYTES_MIN) {
    throw new S3Error(
      "InvalidRequest",
      "The specified copy source is not supported as a byte-range copy source",
    );
  }
  return { start, end };
}

function invalidRange(header: string, message: string): S3Error {
  return new S3Error("InvalidArgument", message, {
    details: { ArgumentName: "x-amz-copy-source-range", ArgumentValue: header },
  });
}
