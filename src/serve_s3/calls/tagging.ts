/** GetObjectTagging, PutObjectTagging and DeleteObjectTagging. */
import { receiveBytes } from "../body/receive.ts";
import { bucketOf, type Call, emptyResponse, xmlResponse } from "../call.ts";
import { parseTagPairs } from "../tags.ts";
import { versionIdHeader, versionToRead } from "../versions.ts";
import { parseXml } from "../xml_reader.ts";
import { element, text } from "../xml_writer.ts";

const DOCUMENT_BYTES_MAX = 64 * 1024;

export function getObjectTagging(call: Call): Response {
  const bucket = bucketOf(call);
  const version = versionToRead(bucket, call.request.key, call.request.query.get("versionId"));
  const tags = version.tags.map(([name, value]) =>
    element("Tag", text("Key", name), text("Value", value))
  );
  return xmlResponse("Tagging", [element("TagSet", ...tags)], versionIdHeader(bucket, version));
}

export async function putObjectTagging(call: Call): Promise<Response> {
  const { bytes } = await receiveBytes(call.request, call.signer, DOCUMENT_BYTES_MAX);
  const tagSet = parseXml(bytes, "Tagging").child("TagSet");
  const tags = (tagSet?.all("Tag") ?? []).map((tag) =>
    [tag.childText("Key") ?? "", tag.childText("Value") ?? ""] as const
  );
  return replaceTags(call, parseTagPairs(tags), 200);
}

export function deleteObjectTagging(call: Call): Response {
  return replaceTags(call, [], 204);
}

function replaceTags(
  call: Call,
  tags: readonly (readonly [name: string, value: string])[],
  status: number,
): Response {
  const bucket = bucketOf(call);
  const version = versionToRead(bucket, call.request.key, call.request.query.get("versionId"));
  bucket.update({ ...version, tags });
  return emptyResponse(status, versionIdHeader(bucket, version));
}
