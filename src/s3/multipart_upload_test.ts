import assert from "node:assert/strict";
import { settle } from "../../tests/support/fake_clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { PreconditionFailedError } from "./errors.ts";
import {
  type MultipartUpload,
  OBJECT_BYTES_MAX,
  planParts,
  uploadInParts,
} from "./multipart_upload.ts";
import { MemoryStore } from "./stores/memory.ts";

const NEVER = new AbortController().signal;
const MIB = 2 ** 20;
/** What one part of 8 MiB reserves. */
const PART_MEMORY = 8 * MIB;

function pattern(target: Uint8Array, start: number): Promise<void> {
  for (let i = 0; i < target.length; i++) target[i] = (start + i) % 251;
  return Promise.resolve();
}

function upload(size: number, more: Partial<MultipartUpload> = {}): MultipartUpload {
  return {
    size,
    readPart: (range, target) => pattern(target, range.start),
    budget: new MemoryBudget(8 * PART_MEMORY),
    concurrency: 4,
    ...more,
  };
}

Deno.test("planParts keeps S3's limits for every size", () => {
  for (const size of [1, 8 * MIB, 8 * MIB + 1, 2 ** 33, 2 ** 37, 2 ** 40, OBJECT_BYTES_MAX]) {
    const parts = planParts(size);
    assert.ok(parts.length <= 10_000, `${size}: ${parts.length} parts`);
    assert.equal(parts[0]!.start, 0);
    assert.equal(parts.at(-1)!.end, size);
    for (let i = 1; i < parts.length; i++) assert.equal(parts[i]!.start, parts[i - 1]!.end);
    if (parts.length > 1) assert.ok(parts[0]!.end >= 8 * MIB);
  }
  assert.throws(() => planParts(OBJECT_BYTES_MAX + 1), /at most 5 TiB/);
});

Deno.test("uploadInParts uploads every byte in its place", async () => {
  const store = new MemoryStore();
  const size = 35 * MIB + 3;
  let done = 0;
  const budget = new MemoryBudget(8 * PART_MEMORY);
  const options = { metadata: { a: "1" } };
  const onPartDone = (bytes: number) => done += bytes;
  await uploadInParts(store, "k", upload(size, { onPartDone, budget }), options, NEVER);
  const body = await store.get("k", {}, NEVER);
  const bytes = await body.read(new Uint8Array(size));
  const expected = new Uint8Array(size);
  await pattern(expected, 0);
  assert.deepEqual(bytes, expected);
  assert.deepEqual(body.info.metadata, { a: "1" });
  assert.equal(done, size);
  assert.equal(budget.usedBytes, 0);
});

Deno.test("uploadInParts stays within the memory that there is", async () => {
  const store = new MemoryStore();
  const budget = new MemoryBudget(2.5 * PART_MEMORY);
  let most = 0;
  let inFlight = 0;
  store.hook = async ({ method }) => {
    if (method !== "uploadPart") return;
    most = Math.max(most, ++inFlight);
    assert.ok(budget.usedBytes >= inFlight * PART_MEMORY);
    await settle();
    inFlight--;
  };
  await uploadInParts(store, "k", upload(60 * MIB, { budget }), {}, NEVER);
  assert.equal(most, 2);
  assert.equal(budget.usedBytes, 0);
});

Deno.test("uploadInParts ends without the memory that others keep", async () => {
  const store = new MemoryStore();
  const budget = new MemoryBudget(2.5 * PART_MEMORY);
  const kept = await budget.reserve(1.5 * PART_MEMORY, NEVER);
  await uploadInParts(store, "k", upload(30 * MIB, { budget }), {}, NEVER);
  assert.equal(budget.usedBytes, 1.5 * PART_MEMORY);
  kept.release();
});

Deno.test("uploadInParts leaves nothing behind when a part or its source fails", async () => {
  for (const where of ["source", "part", "complete"]) {
    const store = new MemoryStore();
    const failure = new Error(`the ${where} failed`);
    store.hook = ({ method }) => {
      if (where === "part" && method === "uploadPart" && store.counts.uploadPart === 3) {
        throw failure;
      }
      if (where === "complete" && method === "completeMultipart") throw failure;
    };
    const budget = new MemoryBudget(8 * PART_MEMORY);
    const readPart: MultipartUpload["readPart"] = (range) =>
      where === "source" && range.start > 20 * MIB ? Promise.reject(failure) : Promise.resolve();
    await assert.rejects(
      uploadInParts(store, "k", upload(60 * MIB, { budget, readPart }), {}, NEVER),
      failure,
    );
    assert.equal(store.openUploads, 0);
    assert.equal(budget.usedBytes, 0);
  }
});

Deno.test("uploadInParts aborts the upload when its caller does", async () => {
  const store = new MemoryStore();
  const controller = new AbortController();
  store.hook = ({ method }) => {
    if (method === "uploadPart") controller.abort(new Error("enough"));
  };
  await assert.rejects(
    uploadInParts(store, "k", upload(30 * MIB), {}, controller.signal),
    /enough/,
  );
  assert.equal(store.openUploads, 0);
});

Deno.test("uploadInParts obeys its condition at the end", async () => {
  const store = new MemoryStore();
  await store.put("k", new Uint8Array(1), {}, NEVER);
  await assert.rejects(
    uploadInParts(store, "k", upload(9 * MIB), { ifNoneMatch: "*" }, NEVER),
    PreconditionFailedError,
  );
  assert.equal((await store.head("k", NEVER)).size, 1);
});
