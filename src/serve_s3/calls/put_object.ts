/** PutObject. */
import { bucketOf, type Call, emptyResponse } from "../call.ts";
import { readWriteCondition } from "../conditions.ts";
import { checksumHeaders, readProperties } from "../properties.ts";
import { checkKeyLength } from "../request.ts";
import { receiveBlob } from "./_receive_blob.ts";
import { versionIdHeader } from "../versions.ts";

export async function putObject(call: Call): Promise<Response> {
  const { request } = call;
  const bucket = bucketOf(call);
  checkKeyLength(request.key);
  const properties = readProperties(request.headers);
  const condition = readWriteCondition(request.headers, bucket.index.current(request.key));
  const { extents, digests } = await receiveBlob(call, bucket.blobs);
  try {
    const [checksum] = digests.checksums;
    const version = bucket.put({
      ...properties,
      key: request.key,
      size: digests.size,
      etag: digests.md5.toString("hex"),
      extents,
      ...(checksum === undefined ? {} : { checksum }),
    }, condition);
    return emptyResponse(200, {
      etag: `"${version.etag}"`,
      ...checksumHeaders(version),
      ...versionIdHeader(bucket, version),
    });
  } catch (error) {
    bucket.blobs.release(extents);
    throw error;
  }
}
