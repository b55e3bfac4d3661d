/** ListMultipartUploads: what was begun and neither completed nor aborted. */
import type { S3Client } from "../client.ts";
import { decodeListed } from "../key_encoding.ts";
import type { ListMultipartOptions, MultipartPage, OpenUpload } from "../object_store.ts";
import type { XmlReader } from "../xml_reader.ts";
import { readFields, readXml } from "./_xml_documents.ts";

interface Listed {
  readonly uploads: readonly ReadonlyMap<string, string>[];
  /** The texts of the document's other elements. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Where a page goes on: behind this upload of this key; id "" where the server names none. */
type Markers = readonly [key: string, uploadId: string];

export async function listMultipartUploads(
  client: S3Client,
  options: ListMultipartOptions,
  signal: AbortSignal,
): Promise<MultipartPage> {
  const { prefix, token, maxUploads } = options;
  const [keyMarker, uploadIdMarker]: Partial<Markers> = token === undefined
    ? []
    : JSON.parse(token) as Markers;
  const call = {
    operation: "ListMultipartUploads",
    kind: "list",
    method: "GET",
    query: {
      uploads: "",
      // Keys may hold characters that XML cannot.
      "encoding-type": "url",
      ...(prefix === "" ? {} : { prefix }),
      ...(keyMarker === undefined ? {} : { "key-marker": keyMarker }),
      ...(uploadIdMarker ? { "upload-id-marker": uploadIdMarker } : {}),
      ...(maxUploads === undefined ? {} : { "max-uploads": String(maxUploads) }),
    },
  } as const;
  const answer = await client.sendForXml(call, ["ListMultipartUploadsResult"], signal);
  const listed = readXml(client, call, answer, readUploads);
  const wrong = (what: string) => client.protocolError(call, answer.headers, what);
  const decode = (text: string) => {
    try {
      return listed.fields.get("EncodingType") === "url" ? decodeListed(text) : text;
    } catch {
      throw wrong("a key of the listing is not URL-encoded");
    }
  };
  const uploads = listed.uploads.map((upload): OpenUpload => {
    const [key, uploadId] = [upload.get("Key"), upload.get("UploadId")];
    const initiatedMs = Date.parse(upload.get("Initiated") ?? "");
    if (key === undefined || uploadId === undefined || Number.isNaN(initiatedMs)) {
      throw wrong("an upload of the listing has no key, id or time");
    }
    return { key: decode(key), uploadId, initiatedMs };
  });
  if (listed.fields.get("IsTruncated") !== "true") return { uploads };
  // MinIO leaves NextKeyMarker empty.
  const nextKey = decode(listed.fields.get("NextKeyMarker") ?? "") || uploads.at(-1)?.key;
  const next: Markers = [nextKey ?? "", listed.fields.get("NextUploadIdMarker") ?? ""];
  const nextToken = JSON.stringify(next);
  // Either would send the reader round in circles.
  if (next[0] === "" || nextToken === token) throw wrong("the listing goes on, but not from where");
  return { uploads, nextToken };
}

function readUploads(xml: XmlReader): Listed {
  const uploads: ReadonlyMap<string, string>[] = [];
  const fields = new Map<string, string>();
  while (xml.enter()) {
    const { name } = xml;
    if (name === "Upload") uploads.push(readFields(xml));
    else fields.set(name, xml.text());
  }
  return { uploads, fields };
}
