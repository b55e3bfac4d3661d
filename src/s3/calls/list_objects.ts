/** ListObjectsV2, and ListObjects where a server lacks it. */
import { messageOf } from "../../base/message_of.ts";
import type { S3Client } from "../client.ts";
import { UnsupportedError } from "../errors.ts";
import { compareKeys } from "../key_encoding.ts";
import type { ListOptions, ListPage } from "../object_store.ts";
import { type ListResult, parseListResult } from "./_list_xml.ts";

const OPERATION = "ListObjects";
const ROOTS = ["ListBucketResult"] as const;

export async function listObjects(
  client: S3Client,
  options: ListOptions,
  signal: AbortSignal,
): Promise<ListPage> {
  if (client.endpoint.quirks.listVersion === 2) {
    try {
      return await listV2(client, options, signal);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      client.endpoint.learnQuirks({ listVersion: 1 });
    }
  }
  return await listV1(client, options, signal);
}

function listV2(client: S3Client, options: ListOptions, signal: AbortSignal): Promise<ListPage> {
  const { token, startAfter } = options;
  const from = token !== undefined
    ? { "continuation-token": token }
    : startAfter !== undefined
    ? { "start-after": startAfter }
    : {};
  return list(client, options, { "list-type": "2", ...from }, (result) => result.nextToken, signal);
}

/** Version 1 has keys as tokens: the page after NextMarker, or without delimiter after the last key. */
function listV1(client: S3Client, options: ListOptions, signal: AbortSignal): Promise<ListPage> {
  const marker = options.token ?? options.startAfter;
  return list(
    client,
    options,
    marker === undefined ? {} : { marker },
    (result) => result.nextMarker ?? lastKeyOf(result),
    signal,
  );
}

async function list(
  client: S3Client,
  options: ListOptions,
  version: Readonly<Record<string, string>>,
  tokenOf: (result: ListResult) => string | undefined,
  signal: AbortSignal,
): Promise<ListPage> {
  const { prefix, delimiter, maxKeys } = options;
  const query = {
    ...version,
    // Keys may hold characters that XML cannot.
    "encoding-type": "url",
    ...(prefix === "" ? {} : { prefix }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(maxKeys === undefined ? {} : { "max-keys": String(maxKeys) }),
  };
  const call = { operation: OPERATION, kind: "list", method: "GET", query } as const;
  const { text, headers } = await client.sendForXml(call, ROOTS, signal);
  const wrong = (what: string) => client.protocolError(call, headers, what);
  let result: ListResult;
  try {
    result = parseListResult(text);
  } catch (error) {
    throw wrong(messageOf(error));
  }
  const { objects, prefixes } = result;
  if (!result.isTruncated) return { objects, prefixes };
  const nextToken = tokenOf(result);
  // Either would send the reader round in circles.
  if (nextToken === undefined || nextToken === "" || nextToken === options.token) {
    throw wrong("the listing goes on, but not from where");
  }
  return { objects, prefixes, nextToken };
}

function lastKeyOf({ objects, prefixes }: ListResult): string | undefined {
  const key = objects.at(-1)?.key;
  const prefix = prefixes.at(-1);
  if (key === undefined || prefix === undefined) return key ?? prefix;
  return compareKeys(key, prefix) < 0 ? prefix : key;
}
