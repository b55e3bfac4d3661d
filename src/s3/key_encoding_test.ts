import assert from "node:assert/strict";
import {
  compareKeys,
  decodeListed,
  encodeKeyPath,
  isUnspeakableInXml,
  keyProblem,
} from "./key_encoding.ts";

Deno.test("encodeKeyPath gives paths that URL parsers leave unchanged", () => {
  const keys = [
    "a b+c%d",
    "/lead",
    "a//b/",
    "?#&=;:@!$'()*,",
    "é\u{1F600}",
    "\n\u0001\u007f",
    "%2e%2E",
  ];
  for (const key of keys) {
    const path = `/${encodeKeyPath(key)}`;
    assert.equal(new URL(`http://host${path}`).pathname, path);
    assert.equal(decodeURIComponent(path), `/${key}`);
  }
});

Deno.test("keyProblem names what a request cannot carry", () => {
  for (const key of ["", ".", "..", "a/./b", "../a", "a/..", "\uD800", "é".repeat(513)]) {
    assert.notEqual(keyProblem(key), undefined, JSON.stringify(key));
  }
  for (const key of ["...", "a.", ".a/..b", "/", "//", "é".repeat(512), "%2e%2e"]) {
    assert.equal(keyProblem(key), undefined, JSON.stringify(key));
  }
});

Deno.test("decodeListed reads both ways of writing a space", () => {
  assert.equal(decodeListed("a+b%20c%2Bd%25"), "a b c+d%");
  assert.throws(() => decodeListed("%zz"), URIError);
});

Deno.test("compareKeys orders by UTF-8 bytes", () => {
  const keys = ["", "a", "a-", "a/", "ab", "b", "é", "\uE000", "\uFFFD", "\u{10000}", "\u{1F600}"];
  const bytes = (key: string) => new TextEncoder().encode(key).toHex();
  const byBytes = [...keys].sort((a, b) => (bytes(a) < bytes(b) ? -1 : 1));
  assert.deepEqual([...keys].reverse().sort(compareKeys), byBytes);
});

Deno.test("isUnspeakableInXml knows the characters of XML 1.0", () => {
  for (const key of ["\u0000", "\u0007", "\u001b", "\ufffe"]) assert.ok(isUnspeakableInXml(key));
  for (const key of ["\t\n\r", "\u007f", "<&>", "é"]) assert.ok(!isUnspeakableInXml(key));
});
