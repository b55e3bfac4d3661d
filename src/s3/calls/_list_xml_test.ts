import assert from "node:assert/strict";
import { parseListResult } from "./_list_xml.ts";

function listed(inner: string): ReturnType<typeof parseListResult> {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://x">';
  return parseListResult(`${head}${inner}</ListBucketResult>`);
}

Deno.test("a page is read as AWS writes it, and what is of no use is passed over", () => {
  const page = listed(
    `<Name>bkt</Name><Prefix>a/</Prefix><NextContinuationToken>1/x+=</NextContinuationToken>
    <KeyCount>2</KeyCount><MaxKeys>1000</MaxKeys><Delimiter>%2F</Delimiter><EncodingType>url</EncodingType>
    <IsTruncated>true</IsTruncated>
    <Contents><Key>a/b+c%2Bd%C3%A4</Key><LastModified>2026-11-21T14:53:01.123Z</LastModified>
      <ETag>&quot;0f&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>12</Size>
      <Owner><ID>id</ID><DisplayName>Key</DisplayName></Owner><StorageClass>GLACIER</StorageClass>
      <RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus></Contents>
    <CommonPrefixes><Prefix>a/d%20e/</Prefix></CommonPrefixes>`,
  );
  assert.deepEqual(page, {
    objects: [{
      key: "a/b c+dä",
      size: 12,
      etag: '"0f"',
      lastModifiedMs: Date.UTC(2026, 10, 21, 14, 53, 1, 123),
      storageClass: "GLACIER",
    }],
    prefixes: ["a/d e/"],
    isTruncated: true,
    nextToken: "1/x+=",
    nextMarker: undefined,
  });
});

Deno.test("keys are taken as they stand where the server does not encode them, however it quotes", () => {
  const page = listed(
    "<Contents><Size> 0 </Size><ETag>&#34;1&#x22;</ETag><Key> a+%41&amp;&#9;&lt; </Key></Contents>" +
      "<Contents><Key><![CDATA[<b>]]></Key><Size>1</Size><LastModified>soon</LastModified></Contents>" +
      "<CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes><CommonPrefixes><Prefix>d/</Prefix>" +
      "<Prefix>e/</Prefix></CommonPrefixes><IsTruncated>false</IsTruncated>",
  );
  assert.deepEqual(page.objects, [
    { key: " a+%41&\t< ", size: 0, etag: '"1"', lastModifiedMs: 0 },
    { key: "<b>", size: 1, etag: "", lastModifiedMs: 0 },
  ]);
  assert.deepEqual(page.prefixes, ["c/", "d/", "e/"]);
  assert.equal(page.isTruncated, false);
});

Deno.test("keys are decoded also where the server says so only at the end", () => {
  const page = listed(
    "<Contents><Key>%41</Key><Size>1</Size></Contents><NextMarker>%42</NextMarker>" +
      "<EncodingType>url</EncodingType>",
  );
  assert.equal(page.objects[0]!.key, "A");
  assert.equal(page.nextMarker, "B");
});

Deno.test("an entry without a key or with a size that is none is an error", () => {
  const entries = [
    "<Size>1</Size>",
    "<Key>k</Key>",
    "<Key>k</Key><Size></Size>",
    "<Key>k</Key><Size>-1</Size>",
    "<Key>k</Key><Size>1.5</Size>",
    "<Key>k</Key><Size>1e400</Size>",
  ];
  for (const entry of entries) {
    assert.throws(() => listed(`<Contents>${entry}</Contents>`), /has no key or size/, entry);
  }
});
