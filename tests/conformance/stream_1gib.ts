/**
 * Writes and reads 1 GiB through the product's S3 client in a process of its own, where nothing else
 * takes memory, and prints what it took. Argument: the server's address and a bucket, as JSON.
 */
import assert from "node:assert/strict";
import { MemoryBudget } from "../../src/base/memory_budget.ts";
import { returnFreedMemory } from "../../src/ffi/allocator.ts";
import type { ObjectStore } from "../../src/s3/object_store.ts";
import { uploadInParts } from "../../src/s3/multipart_upload.ts";
import { planParts } from "../../src/s3/part_plan.ts";
import { openTestBucket } from "../support/test_bucket.ts";
import { fillPattern } from "./store_bytes.ts";

const MIB = 2 ** 20;
const OBJECT_BYTES = 1024 * MIB;
const signal = new AbortController().signal;

/** What the process prints. */
export interface StreamReport {
  readonly writeMs: number;
  readonly readMs: number;
  /** How much more memory than before the process had at most. */
  readonly growthBytes: number;
}

async function write(store: ObjectStore, period: Uint8Array, look: () => void): Promise<void> {
  await uploadInParts(
    store,
    "large",
    {
      size: OBJECT_BYTES,
      parts: planParts(OBJECT_BYTES),
      budget: new MemoryBudget(24 * MIB),
      concurrency: 4,
      readPart: (range, target) => {
        for (let at = 0; at < target.byteLength; at += MIB) target.set(period, at);
        new DataView(target.buffer).setUint32(target.byteOffset, range.start / MIB);
        look();
        return Promise.resolve();
      },
    },
    {},
    signal,
  );
}

async function read(store: ObjectStore, period: Uint8Array, look: () => void): Promise<void> {
  let next = 0;
  const readers = Array.from({ length: 2 }, async () => {
    let buffer = new Uint8Array(256 * 1024);
    while (next < OBJECT_BYTES) {
      const range = { start: next, end: next + 8 * MIB };
      next = range.end;
      const body = await store.get("large", { range }, signal);
      for (let at = range.start; at < range.end; at += buffer.byteLength) {
        buffer = await body.read(buffer);
        assert.equal(buffer.byteLength, 256 * 1024);
        const isPartStart = at % (8 * MIB) === 0;
        if (isPartStart) assert.equal(new DataView(buffer.buffer).getUint32(0), at / MIB);
        assert.equal(buffer[5000], period[(at + 5000) % MIB]);
      }
      look();
    }
  });
  await Promise.all(readers);
}

async function main(): Promise<void> {
  const { bucket, ...server } = JSON.parse(Deno.args[0]!);
  using opened = openTestBucket(server, bucket);
  const { store } = opened.bucketStore;
  returnFreedMemory();
  // One period of the pattern, made once: filling 1 GiB by computation would take longer than sending.
  const period = new Uint8Array(MIB);
  fillPattern(period, 0);
  // Loads all the code that there is, which is no growth.
  await store.put("warm up", period, {}, signal);
  await (await store.get("warm up", {}, signal)).read(new Uint8Array(MIB));
  await store.abortMultipart("x", await store.createMultipart("x", {}, signal), signal);
  const before = Deno.memoryUsage().rss;
  let peak = before;
  const look = () => peak = Math.max(peak, Deno.memoryUsage().rss);
  const startMs = performance.now();
  await write(store, period, look);
  const writtenMs = performance.now();
  await read(store, period, look);
  const report: StreamReport = {
    writeMs: writtenMs - startMs,
    readMs: performance.now() - writtenMs,
    growthBytes: peak - before,
  };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(report)));
}

if (import.meta.main) await main();
