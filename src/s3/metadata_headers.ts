/** Objects' properties in HTTP headers, both ways. */
import type { HttpHeaders } from "../net/http_exchange.ts";
import { encodeRfc3986 } from "./key_encoding.ts";
import type { Metadata, ObjectInfo, Tags } from "./object_store.ts";

const PREFIX = "x-amz-meta-";

/** Headers that carry `metadata`. */
export function metadataToHeaders(metadata: Metadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(metadata)) {
    headers[PREFIX + name.toLowerCase()] = encodeValue(value);
  }
  return headers;
}

/** The header that carries `tags`, which is a URL query; none for no tags. */
export function tagsToHeaders(tags: Tags): Record<string, string> {
  const pairs = Object.entries(tags)
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`);
  return pairs.length === 0 ? {} : { "x-amz-tagging": pairs.join("&") };
}

/** Everything the headers of a HEAD or GET tell of an object. `size` is that of the whole object. */
export function objectInfoFromHeaders(key: string, headers: HttpHeaders, size: number): ObjectInfo {
  const metadata: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (name.startsWith(PREFIX)) metadata[name.slice(PREFIX.length)] = decodeValue(value);
  }
  const modified = Date.parse(headers.get("last-modified") ?? "");
  return {
    key,
    size,
    etag: headers.get("etag") ?? "",
    lastModifiedMs: Number.isNaN(modified) ? 0 : modified,
    metadata,
    tagCount: Number(headers.get("x-amz-tagging-count") ?? 0),
    ...optional("storageClass", headers.get("x-amz-storage-class")),
    ...optional("versionId", headers.get("x-amz-version-id")),
    ...optional("contentType", headers.get("content-type")),
  };
}

function optional<Name extends string>(
  name: Name,
  value: string | null,
): Partial<Record<Name, string>> {
  const result: Partial<Record<Name, string>> = {};
  if (value !== null && value !== "") result[name] = value;
  return result;
}

/**
 * Header values survive all servers and signatures only as visible ASCII with single spaces inside.
 * Others are written as RFC 2047 encoded words, the form in which S3 itself returns them.
 */
function encodeValue(value: string): string {
  const isPlain = /^([!-~]+( [!-~]+)*)?$/.test(value) && !value.includes("=?");
  if (isPlain) return value;
  return `=?UTF-8?B?${new TextEncoder().encode(value).toBase64()}?=`;
}

function decodeValue(value: string): string {
  const text = decodeUtf8(Uint8Array.from(value, (char) => char.charCodeAt(0))) ?? value;
  // White space between two encoded words is not part of the text (RFC 2047, section 6.2).
  return text.replace(/\?=\s+=\?/g, "?==?").replace(
    /=\?UTF-8\?([BQ])\?([^?]*)\?=/gi,
    (word: string, encoding: string, data: string) => decodeWord(encoding, data) ?? word,
  );
}

function decodeWord(encoding: string, data: string): string | undefined {
  try {
    if (encoding.toUpperCase() === "B") return decodeUtf8(Uint8Array.fromBase64(data));
    return decodeURIComponent(
      data.replaceAll("%", "%25").replaceAll("_", " ").replace(/=([0-9A-F]{2})/gi, "%$1"),
    );
  } catch {
    return undefined; // not what it looked like
  }
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
