/** DeleteObject. */
import { bucketOf, type Call, emptyResponse } from "../call.ts";
import { checkDeleteCondition } from "../conditions.ts";
import { checkKeyLength } from "../request.ts";
import type { Bucket, Deletion } from "../store/bucket.ts";
import { checkVersionId } from "../versions.ts";

export function deleteObject(call: Call): Response {
  const { key, query, headers } = call.request;
  const ifMatch = headers.get("if-match") ?? undefined;
  const deletion = deleteOne(bucketOf(call), key, query.get("versionId"), ifMatch);
  return emptyResponse(204, {
    ...(deletion.versionId === undefined ? {} : { "x-amz-version-id": deletion.versionId }),
    ...(deletion.deleteMarker ? { "x-amz-delete-marker": "true" } : {}),
  });
}

/** Deletes an object, or one version of it, if its ETag is `ifMatch` where that is given. */
export function deleteOne(
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
  ifMatch: string | undefined,
): Deletion {
  checkKeyLength(key);
  if (versionId !== undefined) checkVersionId(versionId);
  checkDeleteCondition(
    ifMatch,
    versionId === undefined ? bucket.index.current(key) : bucket.index.version(key, versionId),
  );
  return versionId === undefined ? bucket.delete(key) : bucket.deleteVersion(key, versionId);
}
