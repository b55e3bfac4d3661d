/** CopyObject: a server-side copy inside the bucket. */
import type { S3Client } from "../client.ts";
import { encodeKeyPath } from "../key_encoding.ts";
import type { CopyOptions, CopySource, PutResult } from "../object_store.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";
import { withCondition } from "./_conditions.ts";
import { propertyHeaders } from "./put_object.ts";

export async function copyObject(
  client: S3Client,
  source: CopySource,
  key: string,
  options: CopyOptions,
  writeHeaders: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<PutResult> {
  const call = { operation: "CopyObject", kind: "copy", key, isLong: true } as const;
  return await withCondition(client, "conditionalCopy", call, options, signal, async (also) => {
    const headers = {
      ...copySourceHeaders(client, source),
      "x-amz-metadata-directive": options.replace === undefined ? "COPY" : "REPLACE",
      ...propertyHeaders({
        ...options.replace,
        ...(options.storageClass === undefined ? {} : { storageClass: options.storageClass }),
      }),
      ...writeHeaders,
      ...also,
    };
    const { output, headers: answer } = await runSdk(
      client,
      { ...call, headers, roots: ["CopyObjectResult"] },
      signal,
      (sdk, sdkOptions) =>
        sdk.client.send(
          new sdk.commands.CopyObjectCommand({
            Bucket: SDK_BUCKET,
            Key: key,
            CopySource: "set above",
          }),
          sdkOptions,
        ),
    );
    const etag = output.CopyObjectResult?.ETag;
    if (etag === undefined) throw client.protocolError(call, answer, "the answer has no ETag");
    const versionId = answer.get("x-amz-version-id");
    return { etag, ...(versionId === null ? {} : { versionId }) };
  });
}

/** The header is a URL path of its own: bucket and key, percent-encoded. */
export function copySourceHeaders(client: S3Client, source: CopySource): Record<string, string> {
  return {
    "x-amz-copy-source": `${encodeKeyPath(client.bucket)}/${encodeKeyPath(source.key)}`,
    ...(source.ifMatch === undefined ? {} : { "x-amz-copy-source-if-match": source.ifMatch }),
  };
}
