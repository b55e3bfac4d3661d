/** ListObjectsV2, and ListObjects where a server lacks it. */
import type { S3Client } from "../client.ts";
import { UnsupportedError } from "../errors.ts";
import { decodeListed } from "../key_encoding.ts";
import type { ListOptions, ListPage, ObjectInfo } from "../object_store.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";

const CALL = { operation: "ListObjects", kind: "list", roots: ["ListBucketResult"] } as const;

/** The fields that both versions' answers share. */
interface RawPage {
  readonly EncodingType?: string | undefined;
  readonly IsTruncated?: boolean | undefined;
  readonly Contents?:
    | readonly {
      readonly Key?: string | undefined;
      readonly Size?: number | undefined;
      readonly ETag?: string | undefined;
      readonly LastModified?: Date | undefined;
      readonly StorageClass?: string | undefined;
    }[]
    | undefined;
  readonly CommonPrefixes?: readonly { readonly Prefix?: string | undefined }[] | undefined;
}

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

async function listV2(
  client: S3Client,
  options: ListOptions,
  signal: AbortSignal,
): Promise<ListPage> {
  const { output, headers } = await runSdk(
    client,
    CALL,
    signal,
    (sdk, sdkOptions) =>
      sdk.client.send(
        new sdk.commands.ListObjectsV2Command({
          ...commonInput(options),
          ContinuationToken: options.token,
          StartAfter: options.token === undefined ? options.startAfter : undefined,
        }),
        sdkOptions,
      ),
  );
  const token = output.NextContinuationToken;
  return toPage(client, headers, output, options, () => token);
}

/** Version 1 has keys as tokens: the page after NextMarker, or without delimiter after the last key. */
async function listV1(
  client: S3Client,
  options: ListOptions,
  signal: AbortSignal,
): Promise<ListPage> {
  const { output, headers } = await runSdk(
    client,
    CALL,
    signal,
    (sdk, sdkOptions) =>
      sdk.client.send(
        new sdk.commands.ListObjectsCommand({
          ...commonInput(options),
          Marker: options.token ?? options.startAfter,
        }),
        sdkOptions,
      ),
  );
  const marker = output.NextMarker;
  return toPage(client, headers, output, options, (page, decode) => {
    if (marker !== undefined) return decode(marker);
    return [page.objects.at(-1)?.key ?? "", page.prefixes.at(-1) ?? ""].sort().at(-1) || undefined;
  });
}

function commonInput(options: ListOptions): {
  Bucket: string;
  EncodingType: "url";
  Prefix: string | undefined;
  Delimiter: string | undefined;
  MaxKeys: number | undefined;
} {
  return {
    Bucket: SDK_BUCKET,
    // Keys may hold characters that XML cannot, and white space that parsers trim.
    EncodingType: "url",
    Prefix: options.prefix === "" ? undefined : options.prefix,
    Delimiter: options.delimiter,
    MaxKeys: options.maxKeys,
  };
}

function toPage(
  client: S3Client,
  headers: Headers,
  raw: RawPage,
  options: ListOptions,
  nextToken: (page: ListPage, decode: (text: string) => string) => string | undefined,
): ListPage {
  const wrong = (what: string) => client.protocolError(CALL, headers, what);
  const decode = (text: string) => {
    try {
      return raw.EncodingType === "url" ? decodeListed(text) : text;
    } catch {
      throw wrong("a key of the listing is not URL-encoded");
    }
  };
  const objects = (raw.Contents ?? []).map((entry): ObjectInfo => {
    if (entry.Key === undefined || entry.Size === undefined || !(entry.Size >= 0)) {
      throw wrong("an entry of the listing has no key or size");
    }
    return {
      key: decode(entry.Key),
      size: entry.Size,
      etag: entry.ETag ?? "",
      lastModifiedMs: entry.LastModified?.getTime() ?? 0,
      ...(entry.StorageClass === undefined ? {} : { storageClass: entry.StorageClass }),
    };
  });
  const prefixes = (raw.CommonPrefixes ?? []).map((entry) => decode(entry.Prefix ?? ""));
  const page: ListPage = { objects, prefixes };
  if (raw.IsTruncated !== true) return page;
  const token = nextToken(page, decode);
  // Either would send the reader round in circles.
  if (token === undefined || token === options.token) {
    throw wrong("the listing goes on, but not from where");
  }
  return { ...page, nextToken: token };
}
