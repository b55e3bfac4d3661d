/** Deletes what deletions leave in a bucket with versions: the versions themselves. */
import type { S3Client } from "../client.ts";
import { NotFoundError } from "../errors.ts";
import { decodeListed } from "../key_encoding.ts";
import type { XmlReader } from "../xml_reader.ts";
import { readFields, readXml } from "./_xml_documents.ts";

interface Listed {
  /** Versions and delete markers. */
  readonly versions: readonly ReadonlyMap<string, string>[];
  /** The texts of the document's other elements. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * Deletes all versions and delete markers of the keys that begin with `prefix`, of which there should be
 * few: at most a page of 1000. Returns how many they were. Safe to repeat.
 */
export async function removeVersions(
  client: S3Client,
  prefix: string,
  signal: AbortSignal,
): Promise<number> {
  const call = {
    operation: "ListObjectVersions",
    kind: "list",
    method: "GET",
    query: { versions: "", "encoding-type": "url", prefix },
  } as const;
  const answer = await client.sendForXml(call, ["ListVersionsResult"], signal);
  const { versions, fields } = readXml(client, call, answer, readVersions);
  for (const version of versions) {
    const listed = version.get("Key") ?? "";
    const key = fields.get("EncodingType") === "url" ? decodeListed(listed) : listed;
    const versionId = version.get("VersionId");
    if (versionId === undefined || !key.startsWith(prefix)) continue;
    try {
      await client.sendForNothing({
        operation: "DeleteObject",
        kind: "delete",
        method: "DELETE",
        key,
        query: { versionId },
      }, signal);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  return versions.length;
}

function readVersions(xml: XmlReader): Listed {
  const versions: ReadonlyMap<string, string>[] = [];
  const fields = new Map<string, string>();
  while (xml.enter()) {
    const { name } = xml;
    if (name === "Version" || name === "DeleteMarker") versions.push(readFields(xml));
    else fields.set(name, xml.text());
  }
  return { versions, fields };
}
