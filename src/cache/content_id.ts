/** What contents are called on disk: the same bytes by the same name, over renames and restarts. */
import { createHash } from "node:crypto";
import type { ObjectSource } from "./object_source.ts";

/** An MD5, or that of a multipart upload: it tells contents apart, whatever object has them. */
const DIGEST_ETAG = /^"?[0-9a-f]{32}(-\d+)?"?$/;
/** In bytes: 128 bits are as unlikely to meet as MD5s themselves. */
const ID_BYTES = 16;

/**
 * `bucket` names the bucket among all endpoints; keys in it begin with `prefix` before the source's.
 * Undefined without an ETag: nothing tells then whether the object has changed since.
 */
export function contentId(
  bucket: string,
  prefix: string,
  { key, etag, size }: ObjectSource,
): string | undefined {
  if (etag === "") return undefined;
  const parts = [bucket, etag.replaceAll('"', ""), size];
  // Elsewhere an ETag need only be unique among the versions of one object (RFC 9110, 8.8.1).
  if (!DIGEST_ETAG.test(etag)) parts.push(prefix + key);
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 2 * ID_BYTES);
}
