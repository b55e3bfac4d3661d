/** One page of a listing over sorted keys, as ListObjectsV2 makes it. */
import { compareKeys } from "../key_encoding.ts";
import type { ListOptions, ListPage, ObjectInfo } from "../object_store.ts";

const PAGE_MAX = 1000;

/** `keys` are in the order of `compareKeys`. Tokens are the last key or common prefix of the page. */
export function listSorted(
  keys: readonly string[],
  options: ListOptions,
  infoOf: (key: string) => ObjectInfo,
): ListPage {
  const { prefix, delimiter } = options;
  const after = options.token ?? options.startAfter ?? "";
  const limit = Math.min(options.maxKeys ?? PAGE_MAX, PAGE_MAX);
  const objects: ObjectInfo[] = [];
  const prefixes: string[] = [];
  let last = "";
  const start = firstNotBefore(keys, compareKeys(after, prefix) > 0 ? after : prefix);
  for (let i = start; i < keys.length; i++) {
    const key = keys[i]!;
    if (!key.startsWith(prefix)) break;
    const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    const name = end < 0 ? key : key.slice(0, end + delimiter!.length);
    // A token that is a common prefix covers all keys below it.
    const isListed = name === last || name === options.token || compareKeys(key, after) <= 0;
    if (isListed) continue;
    if (objects.length + prefixes.length === limit) return { objects, prefixes, nextToken: last };
    if (end < 0) objects.push(infoOf(key));
    else prefixes.push(name);
    last = name;
  }
  return { objects, prefixes };
}

function firstNotBefore(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
