import assert from "node:assert/strict";
import { parseErrorXml, wholeXmlRoot } from "./xml.ts";

Deno.test("parseErrorXml reads fields and entities, and nothing else", () => {
  const fields = parseErrorXml(
    `<?xml version="1.0"?>\n<Error xmlns="x"><Code>A</Code><Message>&lt;&amp;&#65;&#x42;&bad;&#x99999999;</Message><Key/></Error>\n`,
  );
  assert.equal(fields?.get("Code"), "A");
  assert.equal(fields?.get("Message"), "<&AB&bad;&#x99999999;");
  for (const text of ["", "<html></html>", "<Error></Error>", "<Error><Code>A</Code>", "{}"]) {
    assert.equal(parseErrorXml(text), undefined, text);
  }
});

Deno.test("wholeXmlRoot names the root of whole documents only", () => {
  assert.equal(wholeXmlRoot('<?xml version="1.0"?>\n<A x="1"><B/></A>\n'), "A");
  assert.equal(wholeXmlRoot("  \n <A></A>"), "A");
  assert.equal(wholeXmlRoot("\uFEFF<A/>"), "A");
  for (
    const text of ["", "<A><B></B>", "<A></A", "text", "<!DOCTYPE html><html></html>", "<A></B>"]
  ) {
    assert.equal(wholeXmlRoot(text), undefined, text);
  }
});
