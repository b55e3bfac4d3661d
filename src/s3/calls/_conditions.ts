/** Conditions on writes, as headers or, where the server does not obey them, by looking first. */
import type { S3Client } from "../client.ts";
import { NotFoundError, PreconditionFailedError, UnsupportedError } from "../errors.ts";
import type { WriteCondition } from "../object_store.ts";
import type { Quirks } from "../quirks.ts";
import { headObject } from "./head_object.ts";

/**
 * Runs `send` with the headers that express `condition`. Servers that do not obey them get none: the
 * object is looked at right before, unless it is `isChecked`. One that refuses them is remembered as
 * such.
 */
export async function withCondition<T>(
  client: S3Client,
  quirk: "conditionalWrites" | "conditionalCopy",
  call: { readonly operation: string; readonly key: string },
  condition: WriteCondition,
  signal: AbortSignal,
  send: (headers: Record<string, string>) => Promise<T>,
  isChecked = false,
): Promise<T> {
  const headers = conditionHeaders(condition);
  if (Object.keys(headers).length === 0) return await send({});
  if (client.endpoint.quirks[quirk] === "native") {
    try {
      return await send(headers);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      const learned: Partial<Quirks> = { [quirk]: "check" };
      client.endpoint.learnQuirks(learned);
    }
  }
  if (!isChecked) await check(client, call, condition, signal);
  return await send({});
}

function conditionHeaders(condition: WriteCondition): Record<string, string> {
  const headers: Record<string, string> = {};
  if (condition.ifMatch !== undefined) headers["if-match"] = condition.ifMatch;
  if (condition.ifNoneMatch !== undefined) headers["if-none-match"] = condition.ifNoneMatch;
  return headers;
}

async function check(
  client: S3Client,
  call: { readonly operation: string; readonly key: string },
  condition: WriteCondition,
  signal: AbortSignal,
): Promise<void> {
  const etag = await currentEtag(client, call.key, signal);
  const holds = (condition.ifMatch === undefined || etag === condition.ifMatch) &&
    (condition.ifNoneMatch === undefined || etag === undefined);
  if (holds) return;
  throw new PreconditionFailedError(
    etag === undefined ? "the object is gone" : "the object is another one by now",
    { operation: call.operation, bucket: client.bucket, key: call.key },
  );
}

async function currentEtag(
  client: S3Client,
  key: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await headObject(client, key, signal)).etag;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
