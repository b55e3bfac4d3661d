/** DeleteObjects: up to 1000 keys in one request. */
import type { S3Client } from "../client.ts";
import type { DeleteFailure } from "../object_store.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";

/** Returns the keys that could not be deleted. All of `keys` must be expressible in XML. */
export async function deleteObjects(
  client: S3Client,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const call = { operation: "DeleteObjects", kind: "delete", roots: ["DeleteResult"] } as const;
  const { output } = await runSdk(client, call, signal, (sdk, options) =>
    sdk.client.send(
      new sdk.commands.DeleteObjectsCommand({
        Bucket: SDK_BUCKET,
        Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) },
      }),
      options,
    ));
  return (output.Errors ?? [])
    .filter((error) => error.Code !== "NoSuchKey")
    .map((error) => ({
      key: error.Key ?? "",
      code: error.Code ?? "",
      message: error.Message ?? "",
    }));
}
