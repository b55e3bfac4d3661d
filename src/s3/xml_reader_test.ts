import assert from "node:assert/strict";
import { XmlReader } from "./xml_reader.ts";

/** All elements as "name: text", those with children as "name(...)". */
function outline(xml: XmlReader, leaves: ReadonlySet<string>): string {
  const parts: string[] = [];
  while (xml.enter()) {
    const { name } = xml;
    parts.push(leaves.has(name) ? `${name}: ${xml.text()}` : `${name}(${outline(xml, leaves)})`);
  }
  return parts.join(", ");
}

function read(document: string): string {
  const xml = new XmlReader(document);
  assert.equal(xml.enter(), true);
  return outline(xml, new Set(["b", "c"]));
}

Deno.test("XmlReader goes through elements and texts in their order", () => {
  const document =
    `<?xml version="1.0"?>\n<a xmlns="x"> <b>one</b>\n<!-- <b>no</b> --><c at="1>" of='/>' />` +
    `<d><b>&lt;&amp;&#65;&#x42;</b></d><b/><b></b></a>\n`;
  assert.equal(read(document), "b: one, c: , d(b: <&AB), b: , b: ");
});

Deno.test("XmlReader takes white space, character data and comments in a text for what they are", () => {
  assert.equal(read("<a><b> x  y </b></a>"), "b:  x  y ");
  assert.equal(
    read("<a><b>1<![CDATA[<&amp;>]]>2<!-- no -->3<x>no<y/></x>4</b></a>"),
    "b: 1<&amp;>234",
  );
});

Deno.test("XmlReader passes over what it is not asked for", () => {
  const xml = new XmlReader("<a><x><y>1</y><z/></x><b>2</b></a>");
  xml.enter();
  xml.enter();
  xml.skip();
  assert.equal(xml.enter(), true);
  assert.equal(xml.name, "b");
  assert.equal(xml.text(), "2");
  assert.equal(xml.enter(), false);
});

Deno.test("XmlReader refuses documents that are cut off or do not nest", () => {
  const documents = [
    "",
    "text",
    "<a",
    "<a><b>1",
    "<a><b>1</b>",
    "<a></b>",
    "<a><b>1</a>",
    "<a><b></a></b>",
    "<a><!-- ",
    "<a><b><![CDATA[ </b></a>",
    "<!DOCTYPE html><html></html>",
    "<a>".repeat(100_000),
  ];
  for (const document of documents) assert.throws(() => read(document), SyntaxError, document);
});
