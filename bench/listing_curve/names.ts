/** Directories whose names are computed, so that there can be a million of them anywhere. */

const PREFIX = /^n(\d+)\/$/;
const DIGITS = 7;
const PAGE_NAMES = 1000;
/** Of every object: 2026-01-01. */
const TIME = "2026-01-01T00:00:00.000Z";

/** The directory with `count` names. */
export function directoryOf(count: number): string {
  return `n${count}/`;
}

function nameOf(index: number): string {
  return `object-${String(index).padStart(DIGITS, "0")}.bin`;
}

/** The first name that comes behind `name`, by its index. */
function indexBehind(name: string, count: number): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nameOf(middle) > name) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Answers ListObjectsV2 for the directories of these sizes, a page of 1000 at a time.
 * Source: S3 API, ListObjectsV2.
 */
export function listPage(query: URLSearchParams, counts: readonly number[]): string {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
  const max = Math.min(PAGE_NAMES, Number(query.get("max-keys") ?? PAGE_NAMES));
  if (prefix === "") {
    const names = counts.map(directoryOf).sort().filter((name) => name > after).slice(0, max);
    return page(names.map((name) => `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`));
  }
  const count = Number(PREFIX.exec(prefix)?.[1] ?? 0);
  if (!counts.includes(count)) return page([]);
  const first = indexBehind(after.slice(prefix.length), count);
  const end = Math.min(count, first + max);
  const rows: string[] = [];
  for (let index = first; index < end; index++) {
    const etag = String(index).padStart(32, "0");
    rows.push(
      `<Contents><Key>${prefix}${nameOf(index)}</Key><LastModified>${TIME}</LastModified>` +
        `<ETag>&quot;${etag}&quot;</ETag><Size>${index}</Size>` +
        "<StorageClass>STANDARD</StorageClass></Contents>",
    );
  }
  return page(rows, end < count ? prefix + nameOf(end - 1) : undefined);
}

/** `next`: the last key, when more follow; it is the token too. */
function page(rows: readonly string[], next?: string): string {
  const rest = next === undefined
    ? "<IsTruncated>false</IsTruncated>"
    : `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`;
  return '<?xml version="1.0" encoding="UTF-8"?>' +
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
    `<Name>names</Name><KeyCount>${rows.length}</KeyCount>${rest}${
      rows.join("")
    }</ListBucketResult>`;
}
