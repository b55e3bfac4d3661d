/** What a page of a LIST says of the names in a directory. */
import { compareKeys } from "../s3/key_encoding.ts";
import type { ListPage } from "../s3/object_store.ts";
import type { Listing } from "./listing.ts";
import type { NameRow } from "./name_table.ts";
import { isFileName } from "./names.ts";

/** A page as the rows of a listing. */
export interface PageRows {
  readonly rows: readonly NameRow[];
  /** Keys that cannot be shown. */
  readonly hidden: readonly string[];
  /** The directory has an object of its own. */
  readonly hasMarker: boolean;
}

/** Takes a page of the directory `prefix` apart. */
export function rowsOf(page: ListPage, prefix: string): PageRows {
  const rows: NameRow[] = [];
  const hidden: string[] = [];
  let hasMarker = false;
  let next = 0;
  const addDirectoriesBefore = (key: string | undefined) => {
    for (; next < page.prefixes.length; next++) {
      const directory = page.prefixes[next]!;
      if (key !== undefined && compareKeys(directory, key) > 0) return;
      const name = directory.slice(prefix.length);
      if (isFileName(name.slice(0, -1))) rows.push({ key: name });
      else hidden.push(directory);
    }
  };
  for (const object of page.objects) {
    addDirectoriesBefore(object.key);
    const name = object.key.slice(prefix.length);
    if (name === "") hasMarker = true;
    else if (isFileName(name)) rows.push({ key: name, file: object });
    else hidden.push(object.key);
  }
  addDirectoriesBefore(undefined);
  return { rows, hidden, hasMarker };
}

/**
 * Puts a page into a listing; returns the keys that cannot be shown. What `isGone` by now is left out,
 * for it would hide what has come in its place; the names of directories end with "/".
 */
export function addPage(
  listing: Listing,
  page: PageRows,
  prefix: string,
  isGone: (name: string) => boolean,
): string[] {
  if (page.hasMarker) listing.hasMarker = true;
  // A key that is both file and directory is shown as the directory: else all below it is lost to view.
  const covered = listing.addRows(page.rows.filter(({ key }) => !isGone(key)));
  return [...page.hidden, ...covered.map((name) => prefix + name)];
}
