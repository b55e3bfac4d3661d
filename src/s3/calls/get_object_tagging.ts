/** GetObjectTagging: the tags of an object. */
import type { S3Client } from "../client.ts";
import type { Tags } from "../object_store.ts";
import type { XmlReader } from "../xml_reader.ts";
import { readFields, readXml } from "./_xml_documents.ts";

export async function getObjectTagging(
  client: S3Client,
  key: string,
  signal: AbortSignal,
): Promise<Tags> {
  const call = {
    operation: "GetObjectTagging",
    kind: "other",
    method: "GET",
    key,
    query: { tagging: "" },
  } as const;
  const answer = await client.sendForXml(call, ["Tagging"], signal);
  return Object.fromEntries(readXml(client, call, answer, readTags));
}

function readTags(xml: XmlReader): [name: string, value: string][] {
  const tags: [string, string][] = [];
  while (xml.enter()) {
    if (xml.name !== "TagSet") xml.skip();
    else {
      while (xml.enter()) {
        const tag = readFields(xml);
        tags.push([tag.get("Key") ?? "", tag.get("Value") ?? ""]);
      }
    }
  }
  return tags;
}
