/** Which version of an object a request means. */
import { noSuchKey } from "./conditions.ts";
import { S3Error } from "./s3_error.ts";
import type { Bucket } from "./store/bucket.ts";
import type { ObjectVersion } from "./store/records.ts";

/** The version to be read; without `versionId` the current one. Delete markers are refused. */
export function versionToRead(
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): ObjectVersion {
  if (versionId === undefined) {
    const newest = bucket.index.get(key)?.versions[0];
    if (newest === undefined) throw noSuchKey();
    if (newest.deleteMarker) throw noSuchKey(markerHeaders(newest));
    return newest;
  }
  checkVersionId(versionId);
  const version = bucket.index.version(key, versionId);
  if (version === undefined) {
    throw new S3Error("NoSuchVersion", "The specified version does not exist.", {
      details: { Key: key, VersionId: versionId },
    });
  }
  if (version.deleteMarker) {
    throw new S3Error(
      "MethodNotAllowed",
      "The specified method is not allowed against this resource.",
      {
        details: { ResourceType: "DeleteMarker" },
        headers: { allow: "DELETE", ...markerHeaders(version) },
      },
    );
  }
  return version;
}

/** `x-amz-version-id`, once the bucket has versions at all. */
export function versionIdHeader(
  bucket: Bucket,
  version: Pick<ObjectVersion, "versionId">,
): Record<string, string> {
  return bucket.versioning === "Unversioned" ? {} : { "x-amz-version-id": version.versionId };
}

export function checkVersionId(versionId: string): void {
  if (versionId === "null" || /^[\w-]{32}$/.test(versionId)) return;
  throw new S3Error("InvalidArgument", "Invalid version id specified", {
    details: { ArgumentName: "versionId", ArgumentValue: versionId },
  });
}

function markerHeaders(marker: ObjectVersion): Record<string, string> {
  return { "x-amz-delete-marker": "true", "x-amz-version-id": marker.versionId };
}
