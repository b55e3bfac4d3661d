/** DeleteObject: one key. */
import type { S3Client } from "../client.ts";
import { NotFoundError } from "../errors.ts";

/** Resolves also when there is no such key, which some servers answer with 404. */
export async function deleteObject(
  client: S3Client,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const call = { operation: "DeleteObject", kind: "delete", method: "DELETE", key } as const;
    const response = await client.send(call, signal);
    await response.body.cancel();
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
  }
}
