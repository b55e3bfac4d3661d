/** The calls of a multipart upload. */
import type { ByteRange } from "../../base/byte_range.ts";
import type { HttpHeaders } from "../../net/http_exchange.ts";
import type { S3Client } from "../client.ts";
import { IntegrityError, NotFoundError } from "../errors.ts";
import { multipartEtag } from "../multipart_etag.ts";
import type {
  CompletedPart,
  CopySource,
  PutOptions,
  PutResult,
  WriteCondition,
} from "../object_store.ts";
import { bodyChecksum, etagsAreMd5 } from "./_body_checksum.ts";
import { withCondition } from "./_conditions.ts";
import { asSourceCondition, copySourceHeaders } from "./_copy_source.ts";
import { escapeXml, sendForField, xmlBody } from "./_xml_documents.ts";
import { asPrecondition, propertyHeaders } from "./put_object.ts";

export async function createMultipart(
  client: S3Client,
  key: string,
  options: PutOptions,
  writeHeaders: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const call = {
    operation: "CreateMultipartUpload",
    kind: "other",
    method: "POST",
    key,
    query: { uploads: "" },
    isOnce: true,
    headers: { ...propertyHeaders(options), ...writeHeaders },
  } as const;
  const root = "InitiateMultipartUploadResult";
  return (await sendForField(client, call, root, "UploadId", signal)).value;
}

export async function uploadPart(
  client: S3Client,
  key: string,
  uploadId: string,
  partNumber: number,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<CompletedPart> {
  const call = {
    operation: "UploadPart",
    kind: "put",
    method: "PUT",
    key,
    query: { partNumber: String(partNumber), uploadId },
    isLong: true,
    body,
    hasChecksum: true,
  } as const;
  const checksum = await bodyChecksum(client, call, client.endpoint.quirks.partChecksum, body);
  const response = await client.send({ ...call, headers: checksum.headers }, signal);
  await response.body.cancel();
  const etag = response.headers.get("etag");
  if (etag === null) throw client.protocolError(call, response.headers, "the answer has no ETag");
  const md5 = await checksum.verify(response.headers);
  return { partNumber, etag, ...(md5 === undefined ? {} : { md5 }) };
}

export async function uploadPartCopy(
  client: S3Client,
  key: string,
  uploadId: string,
  partNumber: number,
  source: CopySource,
  range: ByteRange,
  signal: AbortSignal,
): Promise<CompletedPart> {
  const call = {
    operation: "UploadPartCopy",
    kind: "copy",
    method: "PUT",
    key,
    query: { partNumber: String(partNumber), uploadId },
    isLong: true,
    headers: {
      ...copySourceHeaders(client, source),
      "x-amz-copy-source-range": `bytes=${range.start}-${range.end - 1}`,
    },
  } as const;
  try {
    const { value: etag } = await sendForField(client, call, "CopyPartResult", "ETag", signal);
    return { partNumber, etag };
  } catch (error) {
    throw asSourceCondition(error, source);
  }
}

export async function completeMultipart(
  client: S3Client,
  key: string,
  uploadId: string,
  parts: readonly CompletedPart[],
  condition: WriteCondition,
  signal: AbortSignal,
): Promise<PutResult> {
  const sorted = [...parts].sort((a, b) => a.partNumber - b.partNumber);
  const { body, headers: bodyHeaders } = xmlBody(
    "CompleteMultipartUpload",
    sorted.map((part) =>
      `<Part><ETag>${escapeXml(part.etag)}</ETag><PartNumber>${part.partNumber}</PartNumber></Part>`
    ).join(""),
  );
  const call = {
    operation: "CompleteMultipartUpload",
    kind: "other",
    method: "POST",
    key,
    query: { uploadId },
    isLong: true,
    body,
  } as const;
  const root = "CompleteMultipartUploadResult";
  try {
    return await withCondition(
      client,
      "conditionalWrites",
      call,
      condition,
      signal,
      async (also) => {
        const headers = { ...bodyHeaders, ...also };
        const answer = await sendForField(client, { ...call, headers }, root, "ETag", signal);
        verifyEtag(client, call, answer.value, parts, answer.headers);
        const versionId = answer.headers.get("x-amz-version-id");
        return { etag: answer.value, ...(versionId === null ? {} : { versionId }) };
      },
    );
  } catch (error) {
    throw asPrecondition(error, condition.ifMatch);
  }
}

/** The object's ETag tells whether it was made of just these parts. */
function verifyEtag(
  client: S3Client,
  call: { readonly operation: string; readonly key: string },
  etag: string,
  parts: readonly CompletedPart[],
  answer: HttpHeaders,
): void {
  const expected = multipartEtag(parts);
  const isComparable = expected !== undefined && /^"[0-9a-f]{32}-\d+"$/.test(etag) &&
    etagsAreMd5(client, answer);
  if (!isComparable || etag === expected) return;
  const details = { operation: call.operation, bucket: client.bucket, key: call.key };
  const message = `the object has the ETag ${etag}, its parts make up ${expected}`;
  throw new IntegrityError(message, details, etag);
}

/** Resolves also when there is no such upload. */
export async function abortMultipart(
  client: S3Client,
  key: string,
  uploadId: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.sendForNothing({
      operation: "AbortMultipartUpload",
      kind: "other",
      method: "DELETE",
      key,
      query: { uploadId },
    }, signal);
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}
