/** The content type of new objects, by the extension of their names. */
import mime from "mime/lite";

/** S3's own default, for names whose extension says nothing. */
const UNKNOWN = "application/octet-stream";

/** For example "image/jpeg" for "a/b.JPG". */
export function contentTypeOf(name: string): string {
  return mime.getType(name) ?? UNKNOWN;
}
