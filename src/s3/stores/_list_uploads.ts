/** One page of multipart uploads, as ListMultipartUploads makes it. */
import { compareKeys } from "../key_encoding.ts";
import type { ListMultipartOptions, MultipartPage, OpenUpload } from "../object_store.ts";

const PAGE_MAX = 1000;

/** `begun` come in the order of their beginning. Tokens are the id of the page's last upload. */
export function listUploads(
  begun: readonly OpenUpload[],
  { prefix, token, maxUploads = PAGE_MAX }: ListMultipartOptions,
): MultipartPage {
  // Sorting is stable: uploads of one key keep their order.
  const sorted = begun.filter(({ key }) => key.startsWith(prefix))
    .sort((a, b) => compareKeys(a.key, b.key));
  const start = sorted.findIndex(({ uploadId }) => uploadId === token) + 1;
  const uploads = sorted.slice(start, start + Math.min(maxUploads, PAGE_MAX));
  const isLast = start + uploads.length === sorted.length;
  return { uploads, ...(isLast ? {} : { nextToken: uploads.at(-1)!.uploadId }) };
}
