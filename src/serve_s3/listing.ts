/** Pages of sorted keys: prefix, delimiter, limits, and how keys are written in answers. */
import type { KeyIndex } from "./store/key_index.ts";
import type { ObjectVersion } from "./store/records.ts";
import { integerParameter, type Query } from "./request.ts";
import { S3Error } from "./s3_error.ts";
import { element, text } from "./xml_writer.ts";

/** Most entries of one page, and the default. */
const PAGE_ENTRIES_MAX = 1000;

/** What all listings of a bucket have in common. */
export interface ListingQuery {
  readonly prefix: string;
  readonly delimiter: string;
  readonly max: number;
  /** Writes a key, percent-encoded if the client asked for it. */
  readonly encode: (key: string) => string;
  readonly encodingType: string | undefined;
}

export function readListingQuery(query: Query, maxName: string): ListingQuery {
  const encodingType = query.get("encoding-type");
  if (encodingType !== undefined && encodingType !== "url") {
    throw new S3Error("InvalidArgument", "Invalid Encoding Method specified in Request", {
      details: { ArgumentName: "encoding-type", ArgumentValue: encodingType },
    });
  }
  const max = integerParameter(query, maxName, PAGE_ENTRIES_MAX, 0, 2 ** 31 - 1);
  return {
    prefix: query.get("prefix") ?? "",
    delimiter: query.get("delimiter") ?? "",
    max: Math.min(max, PAGE_ENTRIES_MAX),
    encode: encodingType === undefined ? (key) => key : encodeKey,
    encodingType,
  };
}

/** One page; `last` is the key or common prefix that it ends with. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly prefixes: readonly string[];
  readonly truncated: boolean;
  readonly last: string;
}

/** The current versions of the keys after `after`; jumps over what is behind a common prefix. */
export function pageOfKeys(
  index: KeyIndex,
  query: Pick<ListingQuery, "prefix" | "delimiter" | "max">,
  after: string,
): Page<ObjectVersion> {
  const items: ObjectVersion[] = [];
  const prefixes: string[] = [];
  let last = "";
  let truncated = false;
  let position = Math.max(index.lowerBound(query.prefix), startAfter(index, query, after));
  while (query.max > 0) {
    const entry = index.at(position);
    if (entry === undefined || !entry.key.startsWith(query.prefix)) break;
    const newest = entry.versions[0]!;
    if (newest.deleteMarker) {
      position++;
      continue;
    }
    if (items.length + prefixes.length >= query.max) {
      truncated = true;
      break;
    }
    const prefix = commonPrefix(entry.key, query);
    if (prefix === undefined) {
      items.push(newest);
      position++;
    } else {
      prefixes.push(prefix);
      position = index.afterPrefix(prefix);
    }
    last = prefix ?? entry.key;
  }
  return { items, prefixes, truncated, last };
}

/** A page that ended with a common prefix goes on behind all keys under it. */
function startAfter(
  index: KeyIndex,
  query: Pick<ListingQuery, "prefix" | "delimiter">,
  after: string,
): number {
  if (after === "") return 0;
  const isPrefix = commonPrefix(after, query) === after;
  return isPrefix ? index.afterPrefix(after) : index.upperBound(after);
}

/** A page of anything that has keys and comes in their order, from its beginning. */
export function pageOf<T extends { readonly key: string }>(
  sorted: Iterable<T>,
  query: Pick<ListingQuery, "prefix" | "delimiter" | "max">,
): Page<T> {
  const items: T[] = [];
  const prefixes: string[] = [];
  let last = "";
  for (const item of sorted) {
    if (!item.key.startsWith(query.prefix)) continue;
    const prefix = commonPrefix(item.key, query);
    if (prefix !== undefined && prefix === prefixes.at(-1)) continue;
    if (items.length + prefixes.length >= query.max) {
      return { items, prefixes, truncated: query.max > 0, last };
    }
    if (prefix === undefined) items.push(item);
    else prefixes.push(prefix);
    last = prefix ?? item.key;
  }
  return { items, prefixes, truncated: false, last };
}

/** The part of a key up to the first delimiter after the prefix, that one included. */
export function commonPrefix(
  key: string,
  { prefix, delimiter }: Pick<ListingQuery, "prefix" | "delimiter">,
): string | undefined {
  if (delimiter === "" || !key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

/** The elements that every listing begins with, and those it ends with. */
export function listingElements(query: ListingQuery, page: Page<unknown>): [string, string] {
  const delimiter = query.delimiter === "" ? undefined : query.encode(query.delimiter);
  return [
    text("Prefix", query.encode(query.prefix)) + text("Delimiter", delimiter) +
    text("EncodingType", query.encodingType) + text("IsTruncated", page.truncated),
    page.prefixes.map((prefix) => element("CommonPrefixes", text("Prefix", query.encode(prefix))))
      .join(""),
  ];
}

/** As S3 does it for `encoding-type=url`: like a form, but slashes stay. */
function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%2F", "/")
    .replaceAll("%20", "+");
}
