/** ListMultipartUploads: what was begun and neither completed nor aborted. */
import type { S3Client } from "../client.ts";
import { decodeListed } from "../key_encoding.ts";
import type { ListMultipartOptions, MultipartPage, OpenUpload } from "../object_store.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";

const CALL = {
  operation: "ListMultipartUploads",
  kind: "list",
  roots: ["ListMultipartUploadsResult"],
} as const;

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
  const { output, headers } = await runSdk(
    client,
    CALL,
    signal,
    (sdk, sdkOptions) =>
      sdk.client.send(
        new sdk.commands.ListMultipartUploadsCommand({
          Bucket: SDK_BUCKET,
          EncodingType: "url",
          Prefix: prefix === "" ? undefined : prefix,
          KeyMarker: keyMarker,
          UploadIdMarker: uploadIdMarker || undefined,
          MaxUploads: maxUploads,
        }),
        sdkOptions,
      ),
  );
  const wrong = (what: string) => client.protocolError(CALL, headers, what);
  const decode = (text: string) => {
    try {
      return output.EncodingType === "url" ? decodeListed(text) : text;
    } catch {
      throw wrong("a key of the listing is not URL-encoded");
    }
  };
  const uploads = (output.Uploads ?? []).map(({ Key, UploadId, Initiated }): OpenUpload => {
    if (Key === undefined || UploadId === undefined || Initiated === undefined) {
      throw wrong("an upload of the listing has no key, id or time");
    }
    return { key: decode(Key), uploadId: UploadId, initiatedMs: Initiated.getTime() };
  });
  if (output.IsTruncated !== true) return { uploads };
  // MinIO leaves NextKeyMarker empty.
  const nextKey = decode(output.NextKeyMarker ?? "") || uploads.at(-1)?.key;
  const next: Markers = [nextKey ?? "", output.NextUploadIdMarker ?? ""];
  const nextToken = JSON.stringify(next);
  // Either would send the reader round in circles.
  if (next[0] === "" || nextToken === token) throw wrong("the listing goes on, but not from where");
  return { uploads, nextToken };
}
