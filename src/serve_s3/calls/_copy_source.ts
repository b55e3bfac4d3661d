/** The source of CopyObject and UploadPartCopy. */
import { createHash } from "node:crypto";
import { type Checksum, type ChecksumAlgorithm, createChecksum } from "../body/checksums.ts";
import type { Call } from "../call.ts";
import { checkReadConditions } from "../conditions.ts";
import { S3Error } from "../s3_error.ts";
import type { Bucket } from "../store/bucket.ts";
import type { BlobStore } from "../store/blob_store.ts";
import type { Extent, ObjectVersion } from "../store/records.ts";
import { versionToRead } from "../versions.ts";

export interface CopySource {
  readonly bucket: Bucket;
  readonly version: ObjectVersion;
  /** A version was named, so this may not be the current one. */
  readonly explicitVersion: boolean;
}

/** Finds the object that `x-amz-copy-source` names and checks the conditions on it. */
export function copySource(call: Call): CopySource {
  const { headers } = call.request;
  const raw = headers.get("x-amz-copy-source") ?? "";
  const [path, versionId] = raw.split("?versionId=");
  // Decoded like a query string: a "+" that means itself must come as %2B.
  const decoded = decode((path ?? "").replaceAll("+", " ")).replace(/^\//, "");
  const slash = decoded.indexOf("/");
  if (slash < 1 || slash === decoded.length - 1) throw invalidSource();
  const bucket = call.buckets.get(decoded.slice(0, slash));
  const key = decoded.slice(slash + 1);
  if (versionId !== undefined && bucket.index.version(key, versionId)?.deleteMarker === true) {
    throw new S3Error(
      "InvalidRequest",
      "The source of a copy request may not specifically refer to a delete marker by version id.",
    );
  }
  const version = versionToRead(bucket, key, versionId);
  checkReadConditions(headers, version, "x-amz-copy-source-");
  return { bucket, version, explicitVersion: versionId !== undefined };
}

/** Reads extents for their MD5 (in hex) and a checksum. */
export async function digestExtents(
  blobs: BlobStore,
  extents: readonly Extent[],
  algorithm: ChecksumAlgorithm | undefined,
): Promise<{ md5: string; checksum?: Checksum }> {
  const md5 = createHash("md5");
  const hasher = algorithm === undefined ? undefined : createChecksum(algorithm);
  for await (const piece of blobs.stream(extents)) {
    md5.update(piece);
    hasher?.update(piece);
  }
  const digest = md5.digest("hex");
  if (algorithm === undefined || hasher === undefined) return { md5: digest };
  return { md5: digest, checksum: { algorithm, value: hasher.digest(), type: "FULL_OBJECT" } };
}

/**
 * Extents in `target` with the bytes of extents in `source`: the same within a bucket, a copy of the
 * files between buckets. The caller owns one reference on them.
 */
export async function shareExtents(
  source: Bucket,
  extents: readonly Extent[],
  target: Bucket,
): Promise<readonly Extent[]> {
  if (source === target) {
    target.blobs.retain(extents);
    return extents;
  }
  const writer = target.blobs.create();
  try {
    for await (const piece of source.blobs.stream(extents)) await writer.write(piece);
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidSource();
  }
}

function invalidSource(): S3Error {
  return new S3Error(
    "InvalidArgument",
    "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    { details: { ArgumentName: "x-amz-copy-source" } },
  );
}
