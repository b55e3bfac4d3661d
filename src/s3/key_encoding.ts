/** Keys in URLs, headers and listings. */

const ENCODER = new TextEncoder();

/** S3's limit on keys, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024;

/** Percent-encodes all but the unreserved characters of RFC 3986, as Signature V4 wants it. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A key as the path of a URL: like `encodeRfc3986`, but "/" stays. */
export function encodeKeyPath(key: string): string {
  return key.split("/").map(encodeRfc3986).join("/");
}

/**
 * Why a request cannot name this key, or undefined when it can. URLs have no way to say a path
 * segment "." or "..": their parsers resolve them, also when percent-encoded.
 */
export function keyProblem(key: string): string | undefined {
  if (key === "") return "the key is empty";
  if (!key.isWellFormed()) return "the key is not valid Unicode";
  const size = ENCODER.encode(key).byteLength;
  if (size > KEY_BYTES_MAX) return `the key has ${size} bytes, S3 allows ${KEY_BYTES_MAX}`;
  if (key.split("/").some((segment) => segment === "." || segment === "..")) {
    return 'the key has a "." or ".." segment, which URLs cannot carry';
  }
  return undefined;
}

/** True when XML 1.0 has no way to carry the key (control characters, U+FFFE, U+FFFF). */
export function isUnspeakableInXml(key: string): boolean {
  // deno-lint-ignore no-control-regex -- exactly these are what XML 1.0 leaves out (section 2.2, Char)
  return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(key);
}

/**
 * Undoes `encoding-type=url` of a listing. Servers write a space as "+" (AWS, MinIO) or "%20"; a
 * plus is "%2B" with all of them.
 */
export function decodeListed(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/** Orders keys by their UTF-8 bytes, as S3 does: by code point, where JavaScript compares UTF-16 units. */
export function compareKeys(a: string, b: string): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codeUnitRank(x) - codeUnitRank(y);
  }
  return a.length - b.length;
}

/** Where a UTF-16 unit sorts: surrogates stand for code points above all other units. */
export function codeUnitRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
