/** The part of the suite on objects larger than memory. */
import assert from "node:assert/strict";
import { MemoryBudget } from "../../src/base/memory_budget.ts";
import { uploadInParts } from "../../src/s3/multipart_upload.ts";
import type { SuiteTest } from "./object_store_suite.ts";
import { fillPattern } from "./store_bytes.ts";

const MIB = 2 ** 20;
const OBJECT_BYTES = 1024 * MIB;
const RSS_GROWTH_MAX = 64 * MIB;

export function testStreaming(test: SuiteTest): void {
  test("streams 1 GiB in and out within 64 MiB of memory", async ({ store }, signal) => {
    // One period of the pattern, made once: filling 1 GiB by computation would take longer than sending.
    const period = new Uint8Array(MIB);
    fillPattern(period, 0);
    await store.put("warm up", period, {}, signal);
    const before = Deno.memoryUsage().rss;
    let peak = before;
    const look = () => peak = Math.max(peak, Deno.memoryUsage().rss);

    const startMs = performance.now();
    await uploadInParts(
      store,
      "large",
      {
        size: OBJECT_BYTES,
        budget: new MemoryBudget(32 * MIB),
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
    const writtenMs = performance.now();

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
    const readMs = performance.now();
    const rate = (ms: number) => `${Math.round(OBJECT_BYTES / 1e3 / ms)} MB/s`;
    const growth = peak - before;
    // deno-lint-ignore no-console -- a test says what it skips or measured
    console.log(
      `1 GiB written at ${rate(writtenMs - startMs)}, read at ${rate(readMs - writtenMs)}, ` +
        `memory grew by ${Math.round(growth / MIB)} MiB`,
    );
    assert.ok(growth <= RSS_GROWTH_MAX, `memory grew by ${Math.round(growth / MIB)} MiB`);
  });
}
