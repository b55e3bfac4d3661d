/** DeleteObjects: up to 1000 keys in one request. */
import type { S3Client } from "../client.ts";
import type { DeleteFailure, DeleteTarget } from "../object_store.ts";
import { runSdk, SDK_BUCKET } from "../sdk.ts";
import { ServerError } from "../errors.ts";
import { isGone } from "./delete_object.ts";

/** Of a key in an answer that is otherwise a success. */
const PASSING: ReadonlySet<string> = new Set([
  "InternalError",
  "OperationAborted",
  "ServiceUnavailable",
  "SlowDown",
]);

/** Returns the keys that could not be deleted. All of them must be expressible in XML. */
export async function deleteObjects(
  client: S3Client,
  targets: readonly DeleteTarget[],
  signal: AbortSignal,
): Promise<DeleteFailure[]> {
  const call = { operation: "DeleteObjects", kind: "delete", roots: ["DeleteResult"] } as const;
  const isObeyed = client.endpoint.quirks.conditionalDelete === "native";
  const Objects = targets.map(({ key, ifMatch }) => ({
    Key: key,
    ...(ifMatch === undefined || !isObeyed ? {} : { ETag: ifMatch }),
  }));
  const { output } = await runSdk(client, call, signal, (sdk, options) =>
    sdk.client.send(
      new sdk.commands.DeleteObjectsCommand({
        Bucket: SDK_BUCKET,
        Delete: { Quiet: true, Objects },
      }),
      options,
    ));
  const failures: DeleteFailure[] = [];
  for (const { Key: key = "", Code: code = "", Message: message = "" } of output.Errors ?? []) {
    const isDone = code === "NoSuchKey" ||
      (code === "PreconditionFailed" && await isGone(client, key, signal));
    if (isDone) continue;
    const details = { operation: "DeleteObjects", bucket: client.endpoint.bucket, key, code };
    const error = PASSING.has(code) ? new ServerError(message, details) : undefined;
    failures.push({ key, code, message, ...(error === undefined ? {} : { error }) });
  }
  return failures;
}
