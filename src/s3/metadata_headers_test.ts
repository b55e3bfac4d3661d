import assert from "node:assert/strict";
import { metadataToHeaders, objectInfoFromHeaders, tagsToHeaders } from "./metadata_headers.ts";

Deno.test("metadata survives the way through headers", () => {
  const metadata = {
    plain: "33188",
    empty: "",
    spaces: " a  b ",
    greek: "αβγ",
    lines: "a\nb",
    looks: "=?UTF-8?B?eA==?=",
  };
  const headers = metadataToHeaders(metadata);
  assert.equal(headers["x-amz-meta-plain"], "33188");
  for (const value of Object.values(headers)) assert.match(value, /^[ -~]*$/);
  assert.deepEqual(objectInfoFromHeaders("k", new Headers(headers), 0).metadata, metadata);
});

Deno.test("metadata of other programs is read in all forms", () => {
  const latin1 = (text: string) => String.fromCharCode(...new TextEncoder().encode(text)); // UTF-8 as bytes in a header
  const headers = new Headers({
    "x-amz-meta-raw": latin1("grün"),
    "x-amz-meta-q": "=?UTF-8?Q?gr=C3=BCn_x?=",
    "x-amz-meta-words": "=?UTF-8?B?Z3I=?= =?utf-8?b?w7xu?=",
    "x-amz-meta-broken": "=?UTF-8?B?*?=",
    "x-amz-meta-latin": "gr\u00fcn",
  });
  assert.deepEqual(objectInfoFromHeaders("k", headers, 0).metadata, {
    raw: "grün",
    q: "grün x",
    words: "grün",
    broken: "=?UTF-8?B?*?=",
    latin: "grün",
  });
});

Deno.test("objectInfoFromHeaders takes what is there", () => {
  const headers = new Headers({
    etag: '"e"',
    "last-modified": "Sat, 21 Nov 2026 08:00:00 GMT",
    "x-amz-storage-class": "GLACIER",
    "x-amz-version-id": "v1",
    "content-type": "a/b",
    "x-amz-tagging-count": "2",
  });
  assert.deepEqual(objectInfoFromHeaders("k", headers, 7), {
    key: "k",
    size: 7,
    etag: '"e"',
    lastModifiedMs: Date.UTC(2026, 10, 21, 8),
    metadata: {},
    storageClass: "GLACIER",
    versionId: "v1",
    contentType: "a/b",
    tagCount: 2,
  });
  const none = objectInfoFromHeaders("k", new Headers(), 0);
  assert.deepEqual(none, {
    key: "k",
    size: 0,
    etag: "",
    lastModifiedMs: 0,
    metadata: {},
    tagCount: 0,
  });
});

Deno.test("tagsToHeaders writes tags as a query", () => {
  assert.deepEqual(tagsToHeaders({}), {});
  assert.deepEqual(tagsToHeaders({ "a b": "1&2", ü: "" }), {
    "x-amz-tagging": "a%20b=1%262&%C3%BC=",
  });
});
