/** HeadObject: everything about one object but its bytes. */
import type { S3Client } from "../client.ts";
import { objectInfoFromHeaders } from "../metadata_headers.ts";
import type { ObjectInfo } from "../object_store.ts";
import { sendForLength } from "./_object_length.ts";

export async function headObject(
  client: S3Client,
  key: string,
  signal: AbortSignal,
): Promise<ObjectInfo> {
  const call = { operation: "HeadObject", kind: "head", method: "HEAD", key } as const;
  const { headers, body } = await sendForLength(client, call, signal);
  await body.cancel();
  const size = headers.get("content-length");
  if (size === null || !/^\d+$/.test(size)) {
    throw client.protocolError(call, headers, "the answer does not tell the object's size");
  }
  // A sign-in page, say, that answers everything with 200 and has a length too.
  if (!headers.has("etag")) throw client.protocolError(call, headers, "the answer has no ETag");
  return objectInfoFromHeaders(key, headers, Number(size));
}
