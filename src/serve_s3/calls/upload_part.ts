/** UploadPart. */
import { checksumHeader } from "../body/checksums.ts";
import { bucketOf, type Call, emptyResponse } from "../call.ts";
import { S3Error } from "../s3_error.ts";
import type { Query } from "../request.ts";
import type { PartRecord, UploadRecord } from "../store/records.ts";
import { receiveBlob } from "./_receive_blob.ts";

const PART_NUMBER_MAX = 10_000;

export async function uploadPart(call: Call): Promise<Response> {
  const bucket = bucketOf(call);
  const { key, query } = call.request;
  const id = query.get("uploadId") ?? "";
  const number = partNumber(query);
  const { record } = bucket.uploads.get(id, key);
  const { extents, digests } = await receiveBlob(call, bucket.blobs, record.checksumAlgorithm);
  try {
    checkAlgorithm(record, call.request.headers);
    const part: PartRecord = {
      number,
      size: digests.size,
      etag: digests.md5.toString("hex"),
      lastModifiedMs: call.clock.nowMs(),
      extents,
      checksums: digests.checksums,
    };
    bucket.uploads.putPart(id, key, part);
    const headers: Record<string, string> = { etag: `"${part.etag}"` };
    for (const { algorithm, value } of part.checksums) headers[checksumHeader(algorithm)] = value;
    return emptyResponse(200, headers);
  } catch (error) {
    bucket.blobs.release(extents);
    throw error;
  }
}

export function partNumber(query: Query): number {
  const raw = query.get("partNumber") ?? "";
  const number = /^\d{1,6}$/.test(raw) ? Number(raw) : 0;
  if (number >= 1 && number <= PART_NUMBER_MAX) return number;
  throw new S3Error(
    "InvalidArgument",
    `Part number must be an integer between 1 and ${PART_NUMBER_MAX}, inclusive`,
    { details: { ArgumentName: "partNumber", ArgumentValue: raw } },
  );
}

/** A part may bring no checksum, but not one of another algorithm than the upload's. */
function checkAlgorithm(upload: UploadRecord, headers: Headers): void {
  const expected = upload.checksumAlgorithm;
  if (expected === undefined) return;
  const sent = [...headers.keys(), headers.get("x-amz-trailer")?.toLowerCase() ?? ""]
    .map((name) => /^x-amz-checksum-(crc32|crc32c|crc64nvme|sha1|sha256)$/.exec(name)?.[1])
    .find((algorithm) => algorithm !== undefined);
  if (sent === undefined || sent === expected.toLowerCase()) return;
  throw new S3Error(
    "InvalidRequest",
    `Checksum Type mismatch occurred, expected checksum Type: ${expected.toLowerCase()}, actual ` +
      `checksum Type: ${sent}`,
  );
}
