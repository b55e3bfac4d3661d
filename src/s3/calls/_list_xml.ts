/** `<ListBucketResult>`: the answers of ListObjectsV2 and ListObjects. */
import { decodeListed } from "../key_encoding.ts";
import type { ObjectInfo } from "../object_store.ts";
import { XmlReader } from "../xml_reader.ts";

/** What both versions' answers share, and what is their own. */
export interface ListResult {
  readonly objects: readonly ObjectInfo[];
  readonly prefixes: readonly string[];
  readonly isTruncated: boolean;
  /** Version 2: opaque. */
  readonly nextToken: string | undefined;
  /** Version 1: a key; absent where the last key of the page says it. */
  readonly nextMarker: string | undefined;
}

/** An entry whose key may still have to be decoded. */
interface ListedObject extends ObjectInfo {
  key: string;
}

/** Throws an Error that tells what is wrong. The document has the right root element. */
export function parseListResult(document: string): ListResult {
  const xml = new XmlReader(document);
  xml.enter();
  const objects: ListedObject[] = [];
  const prefixes: string[] = [];
  let isTruncated = false;
  let nextToken: string | undefined;
  let nextMarker: string | undefined;
  let isEncoded = false;
  while (xml.enter()) {
    switch (xml.name) {
      case "Contents":
        objects.push(readObject(xml));
        break;
      case "CommonPrefixes":
        readPrefixes(xml, prefixes);
        break;
      case "IsTruncated":
        isTruncated = xml.text().trim() === "true";
        break;
      case "NextContinuationToken":
        nextToken = xml.text();
        break;
      case "NextMarker":
        nextMarker = xml.text();
        break;
      case "EncodingType":
        isEncoded = xml.text().trim() === "url";
        break;
      default:
        xml.skip();
    }
  }
  // Only now it is certain how the keys are written: the element may come last.
  if (!isEncoded) return { objects, prefixes, isTruncated, nextToken, nextMarker };
  for (const object of objects) object.key = decodeKey(object.key);
  return {
    objects,
    prefixes: prefixes.map(decodeKey),
    isTruncated,
    nextToken,
    nextMarker: nextMarker === undefined ? undefined : decodeKey(nextMarker),
  };
}

/** Fields that come in any order, and others between them. */
function readObject(xml: XmlReader): ListedObject {
  let key: string | undefined;
  let size = NaN;
  let etag = "";
  let lastModifiedMs = 0;
  let storageClass: string | undefined;
  while (xml.enter()) {
    switch (xml.name) {
      case "Key":
        key = xml.text();
        break;
      case "Size":
        size = sizeOf(xml.text());
        break;
      case "ETag":
        etag = xml.text();
        break;
      case "LastModified":
        // A date that nobody can read is no reason to hide the directory.
        lastModifiedMs = Date.parse(xml.text().trim()) || 0;
        break;
      case "StorageClass":
        storageClass = xml.text();
        break;
      default:
        xml.skip();
    }
  }
  if (key === undefined || !(size >= 0)) {
    throw new Error("an entry of the listing has no key or size");
  }
  return storageClass === undefined
    ? { key, size, etag, lastModifiedMs }
    : { key, size, etag, lastModifiedMs, storageClass };
}

function readPrefixes(xml: XmlReader, prefixes: string[]): void {
  while (xml.enter()) {
    if (xml.name === "Prefix") prefixes.push(xml.text());
    else xml.skip();
  }
}

function sizeOf(text: string): number {
  const size = text.trim() === "" ? NaN : Number(text);
  return Number.isSafeInteger(size) ? size : NaN;
}

function decodeKey(text: string): string {
  try {
    return decodeListed(text);
  } catch (error) {
    throw new Error("a key of the listing is not URL-encoded", { cause: error });
  }
}
