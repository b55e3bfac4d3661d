/** The content type of new objects, by the extension of their names. */
import mime from "mime/lite";

/** The type that other S3 programs give to directory objects. */
export const DIRECTORY_CONTENT_TYPE = "application/x-directory";

/** S3's own default, for names whose extension says nothing. */
const UNKNOWN = "application/octet-stream";

/** For example "image/jpeg" for "a/b.JPG". */
export function contentTypeOf(name: string): string {
  return mime.getType(name) ?? UNKNOWN;
}
