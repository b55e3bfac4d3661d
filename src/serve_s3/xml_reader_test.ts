import assert from "node:assert/strict";
import { parseXml } from "./xml_reader.ts";
import { element, escapeXml } from "./xml_writer.ts";

const parse = (xml: string) => parseXml(new TextEncoder().encode(xml), "Root");

Deno.test("parseXml reads elements, text, entities, CDATA and skips the rest", () => {
  const root = parse(
    '<?xml version="1.0"?>\n<!-- c --><s3:Root xmlns:s3="http://x/y"><A>1 &lt;&#65;&#x42;&amp;</A>' +
      "<B><![CDATA[<raw> &amp;]]></B><A>2</A><Empty/><C> keeps  space </C></s3:Root>\n",
  );
  assert.deepEqual(root.all("A").map((a) => a.text), ["1 <AB&", "2"]);
  assert.equal(root.childText("B"), "<raw> &amp;");
  assert.equal(root.childText("Empty"), "");
  assert.equal(root.childText("C"), " keeps  space ");
  assert.equal(root.child("D"), undefined);
});

Deno.test("parseXml refuses what is not one well-formed document", () => {
  for (
    const xml of [
      "",
      "text",
      "<Other/>",
      "<Root>",
      "<Root></Rot>",
      "</Root>",
      "<Root/><Root/>",
      "<Root/>text",
      "<Root>&unknown;</Root>",
      "<Root>&#x110000;</Root>",
      "<Root>&lt</Root>",
      "<!DOCTYPE Root><Root/>",
      "<Root><A",
      "<Root>" + "<A>".repeat(20) + "</A>".repeat(20) + "</Root>",
    ]
  ) {
    assert.throws(() => parse(xml), { code: "MalformedXML" }, xml);
  }
  assert.throws(() => parseXml(new Uint8Array([0x3c, 0xff]), "Root"), { code: "MalformedXML" });
});

Deno.test("what escapeXml writes parseXml reads back, control characters included", () => {
  const value = "a<b>&\"'\u0001\r\n\té\u{1f600}";
  assert.equal(parse(element("Root", escapeXml(value))).text, value);
});
