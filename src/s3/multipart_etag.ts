/** The ETag that S3 gives to an object made of parts. */
import { createHash } from "node:crypto";
import type { CompletedPart } from "./object_store.ts";

/**
 * The MD5 of the parts' MD5s, and their number; undefined when the parts' ETags are no MD5s (as with
 * some kinds of encryption), of which nothing follows.
 */
export function multipartEtag(parts: readonly CompletedPart[]): string | undefined {
  const hash = createHash("md5");
  for (const { etag } of [...parts].sort((a, b) => a.partNumber - b.partNumber)) {
    const md5 = /^"?([0-9a-f]{32})"?$/.exec(etag)?.[1];
    if (md5 === undefined) return undefined;
    hash.update(md5, "hex");
  }
  return `"${hash.digest("hex")}-${parts.length}"`;
}
