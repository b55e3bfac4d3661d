/** CopyObject. */
import { checksumElement, parseChecksumAlgorithm } from "../body/checksums.ts";
import { bucketOf, type Call, isoTime, xmlResponse } from "../call.ts";
import { readWriteCondition } from "../conditions.ts";
import { readProperties } from "../properties.ts";
import { checkKeyLength } from "../request.ts";
import { type CopySource, copySource, digestExtents, shareExtents } from "./_copy_source.ts";
import { SINGLE_PUT_BYTES_MAX } from "./_receive_blob.ts";
import { S3Error } from "../s3_error.ts";
import type { ObjectProperties, ObjectVersion } from "../store/records.ts";
import { text } from "../xml_writer.ts";
import { versionIdHeader } from "../versions.ts";

export async function copyObject(call: Call): Promise<Response> {
  const { request } = call;
  const bucket = bucketOf(call);
  checkKeyLength(request.key);
  const condition = readWriteCondition(request.headers, bucket.index.current(request.key));
  const source = copySource(call);
  const properties = copiedProperties(call, source);
  if (source.version.size > SINGLE_PUT_BYTES_MAX) {
    throw new S3Error(
      "InvalidRequest",
      `The specified copy source is larger than the maximum allowable size for a copy source: ${SINGLE_PUT_BYTES_MAX}`,
    );
  }
  const extents = await shareExtents(source.bucket, source.version.extents, bucket);
  try {
    const digests = await copiedDigests(call, source);
    const version = bucket.put({
      ...properties,
      key: request.key,
      size: source.version.size,
      extents,
      ...digests,
    }, condition);
    return xmlResponse("CopyObjectResult", [
      text("LastModified", isoTime(version.lastModifiedMs)),
      text("ETag", `"${version.etag}"`),
      version.checksum === undefined
        ? ""
        : text(checksumElement(version.checksum.algorithm), version.checksum.value) +
          text("ChecksumType", version.checksum.type),
    ], {
      ...versionIdHeader(bucket, version),
      ...copySourceVersionHeader(source),
    });
  } catch (error) {
    bucket.blobs.release(extents);
    throw error;
  }
}

export function copySourceVersionHeader(source: CopySource): Record<string, string> {
  return source.bucket.versioning === "Unversioned"
    ? {}
    : { "x-amz-copy-source-version-id": source.version.versionId };
}

function copiedProperties(call: Call, source: CopySource): ObjectProperties {
  const { headers, key } = call.request;
  const given = readProperties(headers);
  const metadataReplaced = isReplace(headers, "x-amz-metadata-directive");
  const tagsReplaced = isReplace(headers, "x-amz-tagging-directive");
  // Metadata and tags may be taken over; the storage class and the redirect never are.
  const redirect = headers.get("x-amz-website-redirect-location");
  const changed = metadataReplaced || headers.has("x-amz-storage-class") || redirect !== null ||
    headers.has("x-amz-server-side-encryption") || source.explicitVersion;
  if (!changed && source.bucket === bucketOf(call) && source.version.key === key) {
    throw new S3Error(
      "InvalidRequest",
      "This copy request is illegal because it is trying to copy an object to itself without " +
        "changing the object's metadata, storage class, website redirect location or encryption " +
        "attributes.",
    );
  }
  const from = metadataReplaced ? given : source.version;
  const { "x-amz-website-redirect-location": _, ...kept } = from.headers;
  return {
    headers: {
      ...kept,
      ...(redirect === null ? {} : { "x-amz-website-redirect-location": redirect }),
    },
    metadata: from.metadata,
    storageClass: given.storageClass,
    tags: tagsReplaced ? given.tags : source.version.tags,
  };
}

function isReplace(headers: Headers, name: string): boolean {
  const directive = headers.get(name) ?? "COPY";
  if (directive === "COPY" || directive === "REPLACE") return directive === "REPLACE";
  throw new S3Error("InvalidArgument", `Unknown ${name.slice("x-amz-".length)}.`, {
    details: { ArgumentName: name, ArgumentValue: directive },
  });
}

/** The ETag of a copy is always an MD5, so that of a multipart source must be computed. */
async function copiedDigests(
  call: Call,
  { bucket, version }: CopySource,
): Promise<Pick<ObjectVersion, "etag" | "checksum">> {
  const asked = call.request.headers.get("x-amz-checksum-algorithm");
  const algorithm = asked === null ? version.checksum?.algorithm : parseChecksumAlgorithm(asked);
  const known = version.checksum;
  const checksumKnown = algorithm === undefined ||
    (known?.algorithm === algorithm && known.type === "FULL_OBJECT");
  if (checksumKnown && version.partSizes === undefined) {
    return { etag: version.etag, ...(known === undefined ? {} : { checksum: known }) };
  }
  const { md5, checksum } = await digestExtents(bucket.blobs, version.extents, algorithm);
  return { etag: md5, ...(checksum === undefined ? {} : { checksum }) };
}
