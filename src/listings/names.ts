/**
 * Which keys are names. A key is a path of "/"-separated components; a component that no file name
 * can be hides everything below it: empty (from "//" or a leading "/"), ".", "..", with a NUL, or of
 * more than 255 bytes. Hidden objects are left as they are, counted, and logged once.
 */

/** NAME_MAX of Linux and macOS, in bytes of UTF-8. */
export const NAME_MAX = 255;

const utf8 = new TextEncoder();

/** Bytes of `text` in UTF-8. */
export function utf8Size(text: string): number {
  return utf8.encode(text).byteLength;
}

/** True when a directory entry can have this name. */
export function isFileName(name: string): boolean {
  if (name === "" || name === "." || name === "..") return false;
  if (name.includes("\0") || name.includes("/")) return false;
  // A UTF-16 unit makes three bytes at most: short names need no encoding to be known as short.
  return name.length * 3 <= NAME_MAX || utf8Size(name) <= NAME_MAX;
}
