import assert from "node:assert/strict";
import { failureOf, withScriptedBucket } from "../../../tests/support/scripted_bucket.ts";
import { reply } from "../../../tests/support/scripted_server.ts";
import { ProtocolError } from "../errors.ts";
import { XmlReader } from "../xml_reader.ts";
import { escapeXml, readFields, xmlBody } from "./_xml_documents.ts";

const NEVER = new AbortController().signal;

Deno.test("what is escaped is read as it was", () => {
  const text = 'a<b>&amp;"c"\r\n\u0085\u2028';
  const { body } = xmlBody("Root", `<Key>${escapeXml(text)}</Key>`);
  const document = new TextDecoder().decode(body);
  assert.ok(!document.includes("\r"), document);
  const xml = new XmlReader(document);
  xml.enter();
  assert.equal(readFields(xml).get("Key"), text);
});

Deno.test("of fields of the same name the first counts, and children have none", () => {
  const xml = new XmlReader("<R><A>1</A><A>2</A><B><C>3</C></B></R>");
  xml.enter();
  assert.deepEqual([...readFields(xml)], [["A", "1"], ["B", ""]]);
});

Deno.test("an answer that is no XML is an error of the protocol", async () => {
  const answer = reply(200, "<DeleteResult><Error><Key>a</Kex></Error></DeleteResult>");
  const error = await failureOf(answer, (store) => store.deleteMany(["a"], NEVER));
  assert.ok(error instanceof ProtocolError, String(error));
  assert.match(error.message, /cannot be parsed/);
});

Deno.test("tags are read by their names", async () => {
  const document = "<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>1</Value></Tag>" +
    "<Tag><Key>c</Key><Value/></Tag></TagSet></Tagging>";
  await withScriptedBucket(
    () => reply(200, document),
    async ({ bucketStore: { store }, server }) => {
      assert.deepEqual(await store.tags("k", NEVER), { "a&b": "1", c: "" });
      assert.equal(server.requests[0]?.target, "/bkt/k?tagging=");
    },
  );
});
