/** What a page of a LIST says of the names in a directory. */
import type { ListPage, ObjectInfo } from "../s3/object_store.ts";
import type { ListedFile, Listing } from "./listing.ts";
import { isFileName } from "./names.ts";

/**
 * Puts a page into a listing; returns the keys that cannot be shown. What `isGone` by now is left out,
 * for it would hide what has come in its place; the names of directories end with "/".
 */
export function addPage(
  listing: Listing,
  page: ListPage,
  prefix: string,
  isGone: (name: string) => boolean,
): string[] {
  const hidden: string[] = [];
  for (const object of page.objects) {
    const name = object.key.slice(prefix.length);
    if (name === "") listing.hasMarker = true;
    else if (isGone(name)) continue;
    else if (!isFileName(name) || listing.get(name)?.kind === "directory") hidden.push(object.key);
    else listing.add(name, listedFile(object));
  }
  for (const key of page.prefixes) {
    if (isGone(key.slice(prefix.length))) continue;
    const name = key.slice(prefix.length, -1);
    if (!isFileName(name)) {
      hidden.push(key);
      continue;
    }
    // A key that is both file and directory is shown as the directory: else all below is lost to view.
    if (listing.get(name)?.kind === "file") hidden.push(prefix + name);
    listing.add(name, { kind: "directory" });
  }
  return hidden;
}

function listedFile(object: ObjectInfo): ListedFile {
  return {
    kind: "file",
    size: object.size,
    etag: object.etag,
    lastModifiedMs: object.lastModifiedMs,
    ...(object.storageClass === undefined ? {} : { storageClass: object.storageClass }),
  };
}
