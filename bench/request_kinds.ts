/** S3 requests by kind, the same for all peers: what they cost and how long they take goes by kind. */

export const REQUEST_KINDS = [
  "get",
  "head",
  "list",
  "put",
  "part",
  "copy",
  "multipart",
  "delete",
  "other",
] as const;

/** "part": UploadPart; "multipart": beginning, completing or aborting an upload; "other": buckets, ACLs, tags. */
export type RequestKind = typeof REQUEST_KINDS[number];

export type RequestCounts = Readonly<Record<RequestKind, number>>;

/** The kind of a request as it is on the wire, path style: "/bucket/key?query". */
export function kindOnWire(
  method: string,
  target: string,
  header: (name: string) => string | undefined,
): RequestKind {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
  const isObject = /^\/[^/]+\/./.test(path);
  const copies = header("x-amz-copy-source") !== undefined;
  switch (method) {
    case "GET":
      if (isObject) return query.has("acl") || query.has("tagging") ? "other" : "get";
      return /^\/[^/]+/.test(path) && !SUBRESOURCES.some((name) => query.has(name))
        ? "list"
        : "other";
    case "HEAD":
      return isObject ? "head" : "other";
    case "PUT":
      if (!isObject) return "other";
      if (copies) return "copy";
      return query.has("partNumber") ? "part" : "put";
    case "POST":
      if (query.has("delete")) return "delete";
      return query.has("uploads") || query.has("uploadId") ? "multipart" : "other";
    case "DELETE":
      return !isObject ? "other" : query.has("uploadId") ? "multipart" : "delete";
    default:
      return "other";
  }
}

/** Questions to a bucket that are no listing of objects. */
const SUBRESOURCES = ["location", "acl", "versioning", "policy", "uploads", "object-lock"];

/** How the benchmark calls itself at the server; what it asks is not counted. */
export const BENCH_AGENT = "cloudmount-bench";

const BY_ACTION: Readonly<Record<string, RequestKind>> = {
  GetObject: "get",
  HeadObject: "head",
  ListObjects: "list",
  ListObjectsV2: "list",
  PutObject: "put",
  UploadPart: "part",
  CopyObject: "copy",
  UploadPartCopy: "copy",
  CreateMultipartUpload: "multipart",
  CompleteMultipartUpload: "multipart",
  AbortMultipartUpload: "multipart",
  DeleteObject: "delete",
  DeleteObjects: "delete",
};

/** The kind of what a line of versitygw's access log tells; undefined when it tells of no request of a mount. */
export function kindInLog(line: string): RequestKind | undefined {
  // Operation comes before the first field that a client can choose.
  const action = / s3_(\w+) /.exec(line)?.[1];
  return action === undefined || line.includes(` ${BENCH_AGENT} `)
    ? undefined
    : BY_ACTION[action] ?? "other";
}

export function noRequests(): Record<RequestKind, number> {
  return Object.fromEntries(REQUEST_KINDS.map((kind) => [kind, 0])) as Record<RequestKind, number>;
}

export function minus(after: RequestCounts, before: RequestCounts): RequestCounts {
  const left = noRequests();
  for (const kind of REQUEST_KINDS) left[kind] = after[kind] - before[kind];
  return left;
}

export function total(counts: RequestCounts): number {
  return REQUEST_KINDS.reduce((sum, kind) => sum + counts[kind], 0);
}

/** "12 (10 list, 2 get)", most frequent first. */
export function describe(counts: RequestCounts): string {
  const present = REQUEST_KINDS.filter((kind) => counts[kind] > 0)
    .sort((a, b) => counts[b] - counts[a]);
  if (present.length === 0) return "0";
  const kinds = present.map((kind) => `${counts[kind]} ${kind}`).join(", ");
  return present.length === 1 ? kinds : `${total(counts)} (${kinds})`;
}
