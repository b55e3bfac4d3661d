/**
 * When the answer to a write was lost, its repetition may be refused because the first one succeeded:
 * the condition no longer holds, or the upload is completed and gone. Looking at the object tells
 * whether what lies there is what was to be written, with its metadata, which for files holds the
 * time of change to the nanosecond.
 *
 * Every refusal is looked into, also that of a first attempt: an earlier one may have been made before
 * a restart of the program, or by `fetch`, which repeats a request without body by itself when a
 * kept-alive connection breaks.
 */
import type { ByteRange } from "../../base/byte_range.ts";
import { NotFoundError, PreconditionFailedError } from "../errors.ts";
import { multipartEtag } from "../multipart_etag.ts";
import type {
  CompletedPart,
  CopyOptions,
  CopySource,
  Metadata,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  PutResult,
} from "../object_store.ts";

const PIECE_BYTES = 2 ** 20;
/** Of a copy that is larger than these pieces, as many are compared, spread over it. */
const PIECES_MAX = 32;

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

/** The result of the PUT of `body` if the object has exactly these bytes and properties. */
export async function recoverPut(
  store: ObjectStore,
  key: string,
  body: Uint8Array<ArrayBuffer>,
  options: PutOptions,
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  const info = await store.head(key, signal);
  if (info.size !== body.byteLength || !hasProperties(info, options)) return undefined;
  for (let start = 0; start < info.size; start += PIECE_BYTES) {
    const range = { start, end: Math.min(info.size, start + PIECE_BYTES) };
    const present = await readRange(store, info, range, signal);
    if (!isEqual(present, body.subarray(range.start, range.end))) return undefined;
  }
  return putResult(info);
}

/**
 * The result of the copy if the target is one of the source. Equal ETags mean equal bytes; a copy of
 * an object made of parts, or encrypted with keys of KMS, has another one: then bytes are compared.
 */
export async function recoverCopy(
  store: ObjectStore,
  source: CopySource,
  key: string,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  if (source.key === key) return await recoverCopyOntoItself(store, source, options, signal);
  const [from, copy] = await Promise.all([
    store.head(source.key, signal),
    store.head(key, signal),
  ]);
  if (from.size !== copy.size) return undefined;
  if (source.ifMatch !== undefined && source.ifMatch !== from.etag) return undefined;
  if (!hasProperties(copy, options.replace ?? from)) return undefined;
  const isSame = from.etag === copy.etag || await haveEqualBytes(store, from, copy, signal);
  return isSame ? putResult(copy) : undefined;
}

/**
 * Source and target are one, so comparing them tells nothing. The object is ours if it was replaced and
 * has exactly the metadata that we gave.
 */
async function recoverCopyOntoItself(
  store: ObjectStore,
  source: CopySource,
  { replace }: CopyOptions,
  signal: AbortSignal,
): Promise<PutResult | undefined> {
  if (replace === undefined || Object.keys(replace.metadata).length === 0) return undefined;
  const info = await store.head(source.key, signal);
  const isOurs = info.etag !== source.ifMatch && hasProperties(info, replace);
  return isOurs ? putResult(info) : undefined;
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

function hasProperties(
  info: ObjectInfo,
  wanted: { readonly metadata?: Metadata; readonly contentType?: string },
): boolean {
  const { metadata = {}, contentType } = wanted;
  const names = Object.keys(metadata);
  const present = info.metadata ?? {};
  return names.length === Object.keys(present).length &&
    names.every((name) => metadata[name] === present[name.toLowerCase()]) &&
    (contentType === undefined || contentType === info.contentType);
}

async function haveEqualBytes(
  store: ObjectStore,
  a: ObjectInfo,
  b: ObjectInfo,
  signal: AbortSignal,
): Promise<boolean> {
  const count = Math.min(PIECES_MAX, Math.ceil(a.size / PIECE_BYTES));
  for (let i = 0; i < count; i++) {
    // The first piece at the beginning, the last one at the end.
    const start = count === 1 ? 0 : Math.floor((a.size - PIECE_BYTES) * i / (count - 1));
    const range = { start, end: Math.min(a.size, start + PIECE_BYTES) };
    const [x, y] = await Promise.all([
      readRange(store, a, range, signal),
      readRange(store, b, range, signal),
    ]);
    if (!isEqual(x, y)) return false;
  }
  return true;
}

async function readRange(
  store: ObjectStore,
  { key, etag }: ObjectInfo,
  range: ByteRange,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const body = await store.get(key, { range, ifMatch: etag }, signal);
  try {
    return await body.read(new Uint8Array(range.end - range.start));
  } finally {
    await body.cancel();
  }
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
