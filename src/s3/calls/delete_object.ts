/** DeleteObject: one key. */
import type { S3Client } from "../client.ts";
import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import type { DeleteCondition } from "../object_store.ts";
import { headObject } from "./head_object.ts";

/** Resolves also when there is no such key, which some servers answer with 404. */
export async function deleteObject(
  client: S3Client,
  key: string,
  { ifMatch }: DeleteCondition,
  signal: AbortSignal,
): Promise<void> {
  const isObeyed = client.endpoint.quirks.conditionalDelete !== "none";
  const headers: Record<string, string> = {};
  if (ifMatch !== undefined && isObeyed) headers["if-match"] = ifMatch;
  try {
    const call = { operation: "DeleteObject", kind: "delete", method: "DELETE", key } as const;
    await client.sendForNothing({ ...call, headers }, signal);
  } catch (error) {
    if (error instanceof NotFoundError) return;
    // For some, the condition fails on what is gone; it may be gone by an earlier try of ours.
    if (error instanceof PreconditionFailedError && await isGone(client, key, signal)) return;
    throw error;
  }
}

/** Whether there is no such object now. */
export async function isGone(
  client: S3Client,
  key: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await headObject(client, key, signal);
    return false;
  } catch (error) {
    if (error instanceof NotFoundError) return true;
    throw error;
  }
}
