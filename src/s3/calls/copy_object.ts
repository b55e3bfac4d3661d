/** CopyObject: a server-side copy inside the bucket. */
import type { S3Call, S3Client } from "../client.ts";
import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import type { CopyOptions, CopySource, PutResult } from "../object_store.ts";
import { withCondition } from "./_conditions.ts";
import { asSourceCondition, copySourceHeaders } from "./_copy_source.ts";
import { sendForField } from "./_xml_documents.ts";
import { headObject } from "./head_object.ts";
import { asPrecondition, propertyHeaders } from "./put_object.ts";

export async function copyObject(
  client: S3Client,
  source: CopySource,
  key: string,
  options: CopyOptions,
  writeHeaders: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PutResult> {
  const call = {
    operation: "CopyObject",
    kind: "copy",
    method: "PUT",
    key,
    isLong: true,
  } as const;
  const headers = {
    ...copySourceHeaders(client, source),
    "x-amz-metadata-directive": options.replace === undefined ? "COPY" : "REPLACE",
    ...propertyHeaders({
      ...options.replace,
      ...(options.storageClass === undefined ? {} : { storageClass: options.storageClass }),
    }),
    ...writeHeaders,
  };
  const attempt = async (also: Record<string, string>) => {
    try {
      return await send(client, { ...call, headers: { ...headers, ...also } }, signal);
    } catch (error) {
      if (Object.keys(also).length === 0) throw asSourceCondition(error, source);
      throw await toldApart(client, error, source, options, signal);
    }
  };
  const quirk = "conditionalCopy";
  return await withCondition(client, quirk, call, options, signal, attempt, options.isChecked);
}

async function send(client: S3Client, call: S3Call, signal: AbortSignal): Promise<PutResult> {
  const { value: etag, headers } = await sendForField(
    client,
    call,
    "CopyObjectResult",
    "ETag",
    signal,
  );
  const versionId = headers.get("x-amz-version-id");
  return { etag, ...(versionId === null ? {} : { versionId }) };
}

/**
 * Says whether source or target was refused. AWS names the condition, but "no such key" and the 412 of
 * others can mean either: then the source is looked at.
 */
async function toldApart(
  client: S3Client,
  error: unknown,
  source: CopySource,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const isRefusal = error instanceof NotFoundError || error instanceof PreconditionFailedError;
  if (!isRefusal) return error;
  const isNamed = error instanceof PreconditionFailedError && error.what === "source";
  const isIntact = !isNamed && await isUnchanged(client, source, signal);
  return isIntact ? asPrecondition(error, options.ifMatch) : asSourceCondition(error, source);
}

async function isUnchanged(
  client: S3Client,
  source: CopySource,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { etag } = await headObject(client, source.key, signal);
    return source.ifMatch === undefined || source.ifMatch === etag;
  } catch (error) {
    if (error instanceof NotFoundError) return false;
    throw error;
  }
}
