/** Deletes what deletions leave in a bucket with versions: the versions themselves. */
import type { S3Client } from "../client.ts";
import { NotFoundError } from "../errors.ts";
import { decodeListed } from "../key_encoding.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";

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
    roots: ["ListVersionsResult"],
  } as const;
  const { output } = await runSdk(
    client,
    call,
    signal,
    (sdk, options) =>
      sdk.client.send(
        new sdk.commands.ListObjectVersionsCommand({
          Bucket: SDK_BUCKET,
          Prefix: prefix,
          EncodingType: "url",
        }),
        options,
      ),
  );
  const found = [...output.Versions ?? [], ...output.DeleteMarkers ?? []];
  for (const { Key = "", VersionId } of found) {
    const key = output.EncodingType === "url" ? decodeListed(Key) : Key;
    if (VersionId === undefined || !key.startsWith(prefix)) continue;
    try {
      const response = await client.send({
        operation: "DeleteObject",
        kind: "delete",
        method: "DELETE",
        key,
        query: { versionId: VersionId },
      }, signal);
      await response.body.cancel();
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
  return found.length;
}
