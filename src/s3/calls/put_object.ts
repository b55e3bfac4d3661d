/** PutObject: a whole object from memory. */
import type { HttpHeaders } from "../../net/http_exchange.ts";
import type { S3Client } from "../client.ts";
import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { metadataToHeaders, tagsToHeaders } from "../metadata_headers.ts";
import type { PutOptions, PutResult } from "../object_store.ts";
import { bodyChecksum } from "./_body_checksum.ts";
import { withCondition } from "./_conditions.ts";

export async function putObject(
  client: S3Client,
  key: string,
  body: Uint8Array<ArrayBuffer>,
  options: PutOptions,
  writeHeaders: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PutResult> {
  const call = { operation: "PutObject", kind: "put", method: "PUT", key, isLong: true } as const;
  try {
    return await withCondition(client, "conditionalWrites", call, options, signal, async (also) => {
      const checksum = await bodyChecksum(client, call, client.endpoint.quirks.putChecksum, body);
      const properties = { ...propertyHeaders(options), ...writeHeaders };
      const headers = { ...properties, ...checksum.headers, ...also };
      const response = await client.send({ ...call, headers, body, hasChecksum: true }, signal);
      await response.body.cancel();
      const result = putResult(client, call, response.headers);
      await checksum.verify(response.headers);
      return result;
    });
  } catch (error) {
    throw asPrecondition(error, options.ifMatch);
  }
}

/** Headers for the properties of a new object. */
export function propertyHeaders(
  options: Pick<PutOptions, "contentType" | "metadata" | "storageClass" | "tags">,
): Record<string, string> {
  const headers = {
    ...metadataToHeaders(options.metadata ?? {}),
    ...tagsToHeaders(options.tags ?? {}),
  };
  if (options.contentType !== undefined) headers["content-type"] = options.contentType;
  if (options.storageClass !== undefined) headers["x-amz-storage-class"] = options.storageClass;
  return headers;
}

/** If-Match on a name without object is answered by 404: for the caller the condition failed. */
export function asPrecondition(error: unknown, ifMatch: string | undefined): unknown {
  const isGone = error instanceof NotFoundError && ifMatch !== undefined &&
    error.details.code !== "NoSuchUpload";
  if (!isGone) return error;
  return new PreconditionFailedError("the object is gone", error.details, { cause: error });
}

function putResult(
  client: S3Client,
  call: { readonly operation: string; readonly key: string },
  headers: HttpHeaders,
): PutResult {
  const etag = headers.get("etag");
  if (etag === null) throw client.protocolError(call, headers, "the answer has no ETag");
  const versionId = headers.get("x-amz-version-id");
  return { etag, ...(versionId === null ? {} : { versionId }) };
}
