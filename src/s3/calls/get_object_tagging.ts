/** GetObjectTagging: the tags of an object. */
import type { S3Client } from "../client.ts";
import type { Tags } from "../object_store.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";

export async function getObjectTagging(
  client: S3Client,
  key: string,
  signal: AbortSignal,
): Promise<Tags> {
  const call = { operation: "GetObjectTagging", kind: "other", key, roots: ["Tagging"] } as const;
  const { output } = await runSdk(
    client,
    call,
    signal,
    (sdk, options) =>
      sdk.client.send(
        new sdk.commands.GetObjectTaggingCommand({ Bucket: SDK_BUCKET, Key: key }),
        options,
      ),
  );
  return Object.fromEntries(
    (output.TagSet ?? []).map(({ Key, Value }) => [Key ?? "", Value ?? ""]),
  );
}
