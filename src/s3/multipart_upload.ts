/**
 * A large object in parallel parts.
 *
 * Each of the workers reserves the memory of one part, then reads and uploads parts into that buffer
 * until none is left. A worker that waits for memory gets that of the one before it at the latest, so
 * a tight budget makes the upload slower and never stops it while one part fits.
 */
import type { ByteRange } from "../base/byte_range.ts";
import type { MemoryBudget } from "../base/memory_budget.ts";
import type { CompletedPart, ObjectStore, PutOptions, PutResult } from "./object_store.ts";

const MIB = 2 ** 20;
/** S3's limits. */
const PARTS_MAX = 10_000;
export const OBJECT_BYTES_MAX = 5 * 2 ** 40;
/** Parts of 8 MiB keep memory low and lose little to a break; a large object is better off with 16. */
const SMALL_PART_BYTES = 8 * MIB;
const LARGE_PART_BYTES = 16 * MIB;
const LARGE_FROM_BYTES = 1024 * SMALL_PART_BYTES;

export interface MultipartUpload {
  /** In bytes, at least 1. */
  readonly size: number;
  /** Fills `target` with the bytes of `range`, which has its size. */
  readonly readPart: (
    range: ByteRange,
    target: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly budget: MemoryBudget;
  /** Parts under way at a time. */
  readonly concurrency: number;
  /** Called with the size of each part that has arrived. */
  readonly onPartDone?: (bytes: number) => void;
}

/** The ranges of the parts of an object of `size` bytes: at most 10,000 up to 5 TiB. */
export function planParts(size: number): ByteRange[] {
  if (size > OBJECT_BYTES_MAX) {
    throw new RangeError(`Cannot upload ${size} bytes: an S3 object has at most 5 TiB`);
  }
  const usual = size < LARGE_FROM_BYTES ? SMALL_PART_BYTES : LARGE_PART_BYTES;
  const partBytes = Math.max(usual, Math.ceil(size / PARTS_MAX / MIB) * MIB);
  const parts: ByteRange[] = [];
  for (let start = 0; start < size; start += partBytes) {
    parts.push({ start, end: Math.min(size, start + partBytes) });
  }
  return parts;
}

/**
 * Uploads an object part by part. Conditions in `options` are checked when it is completed. After a
 * failure of any kind the parts are removed from the server.
 */
export async function uploadInParts(
  store: ObjectStore,
  key: string,
  upload: MultipartUpload,
  options: PutOptions,
  signal: AbortSignal,
): Promise<PutResult> {
  const parts = planParts(upload.size);
  const uploadId = await store.createMultipart(key, options, signal);
  try {
    const done = await uploadParts(store, key, uploadId, parts, upload, signal);
    return await store.completeMultipart(key, uploadId, done, options, signal);
  } catch (error) {
    // Not with the caller's signal, which may be why we are here. Parts that stay cost money.
    await store.abortMultipart(key, uploadId, new AbortController().signal).catch(() => {});
    throw error;
  }
}

async function uploadParts(
  store: ObjectStore,
  key: string,
  uploadId: string,
  parts: readonly ByteRange[],
  upload: MultipartUpload,
  signal: AbortSignal,
): Promise<CompletedPart[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const partBytes = parts[0]!.end;
  const done: CompletedPart[] = [];
  let next = 0;

  const work = async (): Promise<void> => {
    const memory = await upload.budget.reserve(partBytes, either);
    const buffer = new Uint8Array(partBytes);
    try {
      while (next < parts.length) {
        const index = next++;
        const range = parts[index]!;
        const target = buffer.subarray(0, range.end - range.start);
        await upload.readPart(range, target, either);
        done.push(await store.uploadPart(key, uploadId, index + 1, target, either));
        upload.onPartDone?.(target.byteLength);
      }
    } catch (error) {
      failed.abort(error);
      throw error;
    } finally {
      // Freed at once: what waits for the garbage collector is in nobody's budget.
      buffer.buffer.transfer(0);
      memory.release();
    }
  };

  const workers = Array.from({ length: Math.min(upload.concurrency, parts.length) }, work);
  const results = await Promise.allSettled(workers);
  signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return done.sort((a, b) => a.partNumber - b.partNumber);
}
