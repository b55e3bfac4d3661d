/** The source of CopyObject and UploadPartCopy. */
import type { S3Client } from "../client.ts";
import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { encodeKeyPath } from "../key_encoding.ts";
import type { CopySource } from "../object_store.ts";

/** The header is a URL path of its own: bucket and key, percent-encoded. */
export function copySourceHeaders(client: S3Client, source: CopySource): Record<string, string> {
  return {
    "x-amz-copy-source": `${encodeKeyPath(client.bucket)}/${encodeKeyPath(source.key)}`,
    ...(source.ifMatch === undefined ? {} : { "x-amz-copy-source-if-match": source.ifMatch }),
  };
}

/** The error of a copy that had no other condition than that on its source. */
export function asSourceCondition(error: unknown, source: CopySource): unknown {
  const isGone = error instanceof NotFoundError && error.details.code !== "NoSuchUpload";
  if (!isGone && !(error instanceof PreconditionFailedError)) return error;
  const details = { ...error.details, key: source.key };
  if (isGone && source.ifMatch === undefined) {
    return new NotFoundError("there is no such object to copy", details, { cause: error });
  }
  const message = isGone ? "the source is gone" : "the source is another object by now";
  return new PreconditionFailedError(message, details, { cause: error, what: "source" });
}
