/** The part of the suite on what protects objects of others: conditions, tags, whole contents. */
import assert from "node:assert/strict";
import { MemoryBudget } from "../../src/base/memory_budget.ts";
import { NotFoundError, PreconditionFailedError } from "../../src/s3/errors.ts";
import {
  type DonePart,
  type MultipartUpload,
  uploadInParts,
} from "../../src/s3/multipart_upload.ts";
import type { ObjectStore } from "../../src/s3/object_store.ts";
import { planParts } from "../../src/s3/part_plan.ts";
import { copyObject } from "../../src/s3/server_copy.ts";
import type { SuiteTest } from "./object_store_suite.ts";
import { bytesOf, drain, fillPattern, patternBytes, textOf } from "./store_bytes.ts";

const MIB = 2 ** 20;
const CREATE = { ifNoneMatch: "*" } as const;
const TAGS = { team: "a b", "x+y": "1=2/3@4:5" };

function refusedFor(what: "source" | "target"): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PreconditionFailedError, String(error));
    assert.equal(error.what, what, error.message);
    return true;
  };
}

export function testWrites(test: SuiteTest): void {
  testTags(test);
  testCopyConditions(test);
  testDeleteConditions(test);
  testPlannedUploads(test);
}

function testTags(test: SuiteTest): void {
  test("keeps tags, and tells how many there are", async ({ store }, signal) => {
    await store.put("tagged", bytesOf("1"), { tags: TAGS }, signal);
    await store.put("plain", bytesOf("1"), {}, signal);
    assert.deepEqual(await store.tags("tagged", signal), TAGS);
    assert.deepEqual(await store.tags("plain", signal), {});
    assert.equal((await store.head("tagged", signal)).tagCount, 2);
    assert.equal((await store.head("plain", signal)).tagCount, 0);
    const body = await store.get("tagged", {}, signal);
    assert.equal(body.info.tagCount, 2);
    await body.cancel();
    await assert.rejects(store.tags("none", signal), NotFoundError);
  });

  test(
    "takes tags over when it copies, and forgets them when it writes",
    async ({ store }, signal) => {
      const { etag } = await store.put("tagged", bytesOf("1"), { tags: TAGS }, signal);
      await store.copy({ key: "tagged", ifMatch: etag }, "copy", {}, signal);
      assert.deepEqual(await store.tags("copy", signal), TAGS);
      const replace = { metadata: { a: "1" }, contentType: "text/x-a" };
      await store.copy({ key: "copy" }, "copy", { replace }, signal);
      assert.deepEqual(await store.tags("copy", signal), TAGS);
      await store.put("copy", bytesOf("2"), {}, signal);
      assert.deepEqual(await store.tags("copy", signal), {});
    },
  );

  test("gives an object made of parts its tags", async ({ store }, signal) => {
    const id = await store.createMultipart("k", { tags: TAGS }, signal);
    const parts = [await store.uploadPart("k", id, 1, bytesOf("part"), signal)];
    await store.completeMultipart("k", id, parts, {}, signal);
    assert.deepEqual(await store.tags("k", signal), TAGS);
    assert.equal((await store.head("k", signal)).tagCount, 2);
  });
}

function testCopyConditions(test: SuiteTest): void {
  test(
    "tells whether a copy was refused for its source or its target",
    async ({ store }, signal) => {
      const source = await store.put("s", bytesOf("1"), {}, signal);
      const taken = await store.put("taken", bytesOf("22"), {}, signal);
      const isThis = { key: "s", ifMatch: source.etag };
      const stale = { key: "s", ifMatch: taken.etag };
      const gone = { key: "none", ifMatch: source.etag };
      for (const condition of [{}, { ifNoneMatch: "*" }] as const) {
        await assert.rejects(store.copy(stale, "new", condition, signal), refusedFor("source"));
        await assert.rejects(store.copy(gone, "new", condition, signal), refusedFor("source"));
      }
      const current = { ifMatch: taken.etag };
      await assert.rejects(store.copy(stale, "taken", current, signal), refusedFor("source"));
      await assert.rejects(store.copy(isThis, "taken", CREATE, signal), refusedFor("target"));
      const other = { ifMatch: source.etag };
      await assert.rejects(store.copy(isThis, "taken", other, signal), refusedFor("target"));
      await assert.rejects(store.copy(isThis, "none", other, signal), refusedFor("target"));
      assert.equal(await textOf(await store.get("taken", {}, signal)), "22");
      await assert.rejects(store.head("new", signal), NotFoundError);
    },
  );

  test("changes an object's metadata only if it is still the same", async ({ store }, signal) => {
    const first = await store.put("k", bytesOf("1"), {}, signal);
    const second = await store.put("k", bytesOf("22"), {}, signal);
    const replace = { metadata: { mode: "33261" } };
    const change = (etag: string) =>
      store.copy({ key: "k", ifMatch: etag }, "k", { replace, ifMatch: etag }, signal);
    await assert.rejects(change(first.etag), PreconditionFailedError);
    assert.deepEqual((await store.head("k", signal)).metadata, {});
    const { etag } = await change(second.etag);
    const info = await store.head("k", signal);
    assert.deepEqual(info.metadata, replace.metadata);
    assert.equal(info.etag, etag);
  });

  test("copies parts only of the version that is meant", async ({ store }, signal) => {
    const { etag } = await store.put("s", patternBytes(0, 6 * MIB), {}, signal);
    const id = await store.createMultipart("k", {}, signal);
    const range = { start: 0, end: 5 * MIB };
    const copy = (key: string, ifMatch: string) =>
      store.uploadPartCopy("k", id, 1, { key, ifMatch }, range, signal);
    await copy("s", etag);
    const stale = `"${"0".repeat(32)}"`;
    await assert.rejects(copy("s", stale), refusedFor("source"));
    await assert.rejects(copy("none", etag), refusedFor("source"));
    await store.abortMultipart("k", id, signal);
    await assert.rejects(copy("s", etag), NotFoundError);
  });

  test("copies whole objects with all they have", async ({ store }, signal) => {
    const properties = { contentType: "text/x-a", metadata: { a: "1" }, tags: TAGS };
    const { etag } = await store.put("s", bytesOf("content"), properties, signal);
    const source = { key: "s", etag, size: 7 };
    await copyObject(store, source, "k", CREATE, signal);
    const info = await store.head("k", signal);
    assert.equal(info.contentType, "text/x-a");
    assert.deepEqual(info.metadata, { a: "1" });
    assert.equal(info.tagCount, 2);
    await store.put("k", bytesOf("another"), {}, signal);
    await assert.rejects(copyObject(store, source, "k", CREATE, signal), refusedFor("target"));
  });
}

function testDeleteConditions(test: SuiteTest): void {
  test("deletes only the version that is meant", async ({ store }, signal) => {
    const first = await store.put("k", bytesOf("1"), {}, signal);
    const second = await store.put("k", bytesOf("22"), {}, signal);
    const stale = { ifMatch: first.etag };
    await assert.rejects(store.delete("k", signal, stale), refusedFor("target"));
    assert.equal((await store.head("k", signal)).etag, second.etag);
    await store.delete("k", signal, { ifMatch: second.etag });
    await assert.rejects(store.head("k", signal), NotFoundError);
    await store.delete("k", signal, stale);
  });

  test("deletes of many only the versions that are meant", async ({ store }, signal) => {
    const etags: string[] = [];
    for (const key of ["a", "b", "c"]) {
      etags.push((await store.put(key, bytesOf(key), {}, signal)).etag);
    }
    const failures = await store.deleteMany([
      { key: "a", ifMatch: etags[0]! },
      { key: "b", ifMatch: etags[0]! },
      "c",
      { key: "gone", ifMatch: etags[0]! },
    ], signal);
    assert.deepEqual(failures.map(({ key, code }) => [key, code]), [["b", "PreconditionFailed"]]);
    const { objects } = await store.list({ prefix: "" }, signal);
    assert.deepEqual(objects.map(({ key }) => key), ["b"]);
  });
}

/** An upload of `size` bytes of the pattern, in which parts of `changed` are 255. */
function patternUpload(size: number, more: Partial<MultipartUpload>): MultipartUpload {
  return {
    size,
    parts: planParts(size),
    budget: new MemoryBudget(64 * MIB),
    concurrency: 3,
    readPart: (range, target) => Promise.resolve(fillPattern(target, range.start)),
    ...more,
  };
}

function testPlannedUploads(test: SuiteTest): void {
  test("changes a large object in place", async ({ store }, signal) => {
    const size = 18 * MIB + 5;
    const { etag } = await uploadInParts(store, "k", patternUpload(size, {}), CREATE, signal);
    const parts = planParts(size, [{ start: 0, end: 7 * MIB }, { start: 7 * MIB + 1, end: size }]);
    const edit = patternUpload(size, {
      parts,
      copySource: { key: "k", ifMatch: etag },
      readPart: (range, target) => {
        fillPattern(target, range.start);
        target[7 * MIB - range.start]! ^= 255;
        return Promise.resolve();
      },
    });
    await uploadInParts(store, "k", edit, { ifMatch: etag, tags: TAGS }, signal);
    const expected = patternBytes(0, size);
    expected[7 * MIB]! ^= 255;
    assert.deepEqual(await drain(await store.get("k", {}, signal)), expected);
    assert.deepEqual(await store.tags("k", signal), TAGS);
    // The version that was copied from is gone by now.
    await assert.rejects(uploadInParts(store, "k", edit, {}, signal), refusedFor("source"));
  });

  test("resumes an upload with the parts that arrived", async ({ store }, signal) => {
    const size = 20 * MIB;
    const { resume, sent } = await interrupted(store, size, signal);
    let resent = 0;
    const again = patternUpload(size, { resume, onPart: () => resent++ });
    await uploadInParts(store, "k", again, CREATE, signal);
    assert.equal(sent + resent, 3);
    assert.deepEqual(await drain(await store.get("k", {}, signal)), patternBytes(0, size));
  });

  test("begins an upload anew that the server has forgotten", async ({ store }, signal) => {
    const size = 20 * MIB;
    const { resume } = await interrupted(store, size, signal);
    await store.abortMultipart("k", resume.uploadId, signal);
    let resent = 0;
    const again = patternUpload(size, { resume, onPart: () => resent++ });
    await uploadInParts(store, "k", again, CREATE, signal);
    assert.equal(resent, 3);
    assert.deepEqual(await drain(await store.get("k", {}, signal)), patternBytes(0, size));
  });
}

/** Begins an upload of three parts that breaks at the last one. */
async function interrupted(
  store: ObjectStore,
  size: number,
  signal: AbortSignal,
): Promise<{ resume: NonNullable<MultipartUpload["resume"]>; sent: number }> {
  const done: DonePart[] = [];
  let uploadId = "";
  const upload = patternUpload(size, {
    concurrency: 1,
    onCreated: (id) => Promise.resolve(void (uploadId = id)),
    onPart: (part) => done.push(part),
    keepParts: () => true,
    readPart: (range, target) => {
      if (range.end === size) return Promise.reject(new Error("killed"));
      return Promise.resolve(fillPattern(target, range.start));
    },
  });
  await assert.rejects(uploadInParts(store, "k", upload, {}, signal), /killed/);
  return { resume: { uploadId, done }, sent: done.length };
}
