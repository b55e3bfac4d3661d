/** CreateMultipartUpload and AbortMultipartUpload. */
import {
  canCombine,
  type ChecksumAlgorithm,
  type ChecksumType,
  parseChecksumAlgorithm,
} from "../body/checksums.ts";
import { bucketOf, type Call, emptyResponse, xmlResponse } from "../call.ts";
import { readProperties } from "../properties.ts";
import { checkKeyLength } from "../request.ts";
import { S3Error } from "../s3_error.ts";
import { text } from "../xml_writer.ts";

export function createMultipartUpload(call: Call): Response {
  const bucket = bucketOf(call);
  const { key, headers } = call.request;
  checkKeyLength(key);
  const algorithmHeader = headers.get("x-amz-checksum-algorithm");
  const typeHeader = headers.get("x-amz-checksum-type");
  const algorithm = algorithmHeader === null ? undefined : parseChecksumAlgorithm(algorithmHeader);
  const type = checksumType(algorithm, typeHeader);
  const upload = bucket.uploads.create({
    ...readProperties(headers),
    key,
    initiatedMs: call.clock.nowMs(),
    ...(algorithm === undefined ? {} : { checksumAlgorithm: algorithm }),
    ...(type === undefined ? {} : { checksumType: type }),
  });
  return xmlResponse("InitiateMultipartUploadResult", [
    text("Bucket", bucket.name),
    text("Key", key),
    text("UploadId", upload.id),
  ], {
    ...(algorithm === undefined ? {} : { "x-amz-checksum-algorithm": algorithm }),
    ...(type === undefined ? {} : { "x-amz-checksum-type": type }),
  });
}

/** Not every algorithm has both types (S3 user guide, "Checking object integrity"). */
function checksumType(
  algorithm: ChecksumAlgorithm | undefined,
  given: string | null,
): ChecksumType | undefined {
  if (algorithm === undefined) {
    if (given === null) return undefined;
    throw new S3Error(
      "InvalidRequest",
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    );
  }
  const type = given ?? (algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE");
  if (type === "FULL_OBJECT" && canCombine(algorithm)) return type;
  if (type === "COMPOSITE" && algorithm !== "CRC64NVME") return type;
  throw new S3Error(
    "InvalidRequest",
    `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
  );
}

export function abortMultipartUpload(call: Call): Response {
  const { query, key } = call.request;
  bucketOf(call).uploads.remove(query.get("uploadId") ?? "", key);
  return emptyResponse(204);
}
