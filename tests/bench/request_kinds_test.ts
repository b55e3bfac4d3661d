import assert from "node:assert/strict";
import {
  describe,
  kindInLog,
  kindOnWire,
  minus,
  noRequests,
  total,
} from "../../bench/request_kinds.ts";

const COPY = (name: string) => name === "x-amz-copy-source" ? "/b/other" : undefined;

Deno.test("kindOnWire knows S3 requests by method, path and query", () => {
  const kinds = [
    ["GET", "/b/k"],
    ["GET", "/b/a%2Fb?partNumber=1"],
    ["GET", "/b?list-type=2&prefix=a%2F"],
    ["GET", "/b/?delimiter=/&prefix="],
    ["GET", "/b/?uploads"],
    ["GET", "/"],
    ["HEAD", "/b/k"],
    ["HEAD", "/b"],
    ["PUT", "/b/k"],
    ["PUT", "/b/k?partNumber=3&uploadId=x"],
    ["PUT", "/b"],
    ["POST", "/b/k?uploads="],
    ["POST", "/b/k?uploadId=x"],
    ["POST", "/b?delete="],
    ["DELETE", "/b/k"],
    ["DELETE", "/b/k?uploadId=x"],
  ] as const;
  assert.deepEqual(kinds.map(([method, target]) => kindOnWire(method, target, () => undefined)), [
    "get",
    "get",
    "list",
    "list",
    "other",
    "other",
    "head",
    "other",
    "put",
    "part",
    "other",
    "multipart",
    "multipart",
    "delete",
    "delete",
    "multipart",
  ]);
  assert.equal(kindOnWire("PUT", "/b/k", COPY), "copy");
  assert.equal(kindOnWire("PUT", "/b/k?partNumber=1&uploadId=x", COPY), "copy");
});

Deno.test("kindInLog reads versitygw's access log, and is not taken in by keys", () => {
  const line = (action: string, key: string) =>
    `root b [21/November/2026:15:00:00 +0000] 127.0.0.1 root 1A ${action} ${key} /b/${key} 200 - `;
  assert.equal(kindInLog(line("s3_GetObject", "k")), "get");
  assert.equal(kindInLog(line("s3_UploadPartCopy", "k")), "copy");
  assert.equal(kindInLog(line("s3_HeadBucket", "-")), "other");
  assert.equal(kindInLog(line("s3_ListObjectsV2", "s3_GetObject")), "list");
  assert.equal(kindInLog(`${line("s3_GetObject", "k")} - cloudmount-bench -`), undefined);
  assert.equal(kindInLog("log starts 2026-11-21"), undefined);
});

Deno.test("Counts are subtracted, added up and described, most frequent first", () => {
  const before = { ...noRequests(), get: 2 };
  const after = { ...noRequests(), get: 5, list: 10 };
  const seen = minus(after, before);
  assert.equal(total(seen), 13);
  assert.equal(describe(seen), "13 (10 list, 3 get)");
  assert.equal(describe(minus(after, { ...after, list: 8 })), "2 list");
  assert.equal(describe(noRequests()), "0");
});
