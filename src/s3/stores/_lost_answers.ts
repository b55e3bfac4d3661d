/**
 * When the answer to a write was lost, its repetition may be refused because the first one succeeded:
 * the condition no longer holds, or the upload is completed and gone. Looking at the object tells
 * whether what lies there is what was to be written.
 */
import { createHash } from "node:crypto";
import {
  NotFoundError,
  PreconditionFailedError,
  ProtocolError,
  ServerError,
  TransportError,
} from "../errors.ts";
import type { CompletedPart, ObjectInfo, ObjectStore, PutResult } from "../object_store.ts";

/** True when the request may have been carried out although it failed. */
export function isAmbiguous(error: unknown): boolean {
  return error instanceof TransportError || error instanceof ProtocolError ||
    error instanceof ServerError;
}

/** Asks `recover` when `error` is a refusal that an earlier success would explain. */
export async function recoverFrom(
  error: unknown,
  recover: () => Promise<PutResult | undefined>,
): Promise<PutResult | undefined> {
  if (!(error instanceof PreconditionFailedError || error instanceof NotFoundError)) {
    return undefined;
  }
  try {
    return await recover();
  } catch (failure) {
    if (failure instanceof NotFoundError || failure instanceof PreconditionFailedError) {
      return undefined;
    }
    throw failure;
  }
}

/** The result of the PUT of `body` if the object has exactly these bytes. */
export async function recoverPut(
  store: ObjectStore,
  key: string,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  const info = await store.head(key, signal);
  if (info.size !== body.byteLength) return undefined;
  if (info.size === 0) return putResult(info);
  const present = await store.get(key, { ifMatch: info.etag }, signal);
  try {
    const bytes = await present.read(new Uint8Array(body.byteLength));
    return isEqual(bytes, body) ? putResult(info) : undefined;
  } finally {
    await present.cancel();
  }
}

/** The result of the copy if source and copy have the same ETag and size. */
export async function recoverCopy(
  store: ObjectStore,
  sourceKey: string,
  key: string,
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  const [source, copy] = await Promise.all([
    store.head(sourceKey, signal),
    store.head(key, signal),
  ]);
  return source.etag === copy.etag && source.size === copy.size ? putResult(copy) : undefined;
}

/** The result of the upload if the object's ETag is that of these parts. */
export async function recoverMultipart(
  store: ObjectStore,
  key: string,
  parts: readonly CompletedPart[],
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  const info = await store.head(key, signal);
  return info.etag === multipartEtag(parts) ? putResult(info) : undefined;
}

/** The ETag of an object made of parts: the MD5 of the parts' MD5s, and their number. */
function multipartEtag(parts: readonly CompletedPart[]): string {
  const hash = createHash("md5");
  const sorted = [...parts].sort((a, b) => a.partNumber - b.partNumber);
  for (const part of sorted) hash.update(part.etag.replaceAll('"', ""), "hex");
  return `"${hash.digest("hex")}-${parts.length}"`;
}

function putResult(info: ObjectInfo): PutResult {
  return {
    etag: info.etag,
    ...(info.versionId === undefined ? {} : { versionId: info.versionId }),
  };
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}
