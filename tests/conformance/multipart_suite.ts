/** The part of the suite on multipart uploads. */
import assert from "node:assert/strict";
import { NotFoundError, PreconditionFailedError, StoreError } from "../../src/s3/errors.ts";
import type { ListMultipartOptions, ObjectStore } from "../../src/s3/object_store.ts";
import type { SuiteTest } from "./object_store_suite.ts";
import { bytesOf, drain, patternBytes, textOf } from "./store_bytes.ts";

const MIB = 2 ** 20;

export function testMultipart(test: SuiteTest): void {
  test("makes an object of parts, also of copied ones", async ({ store }, signal) => {
    const key = "multi part+";
    const source = patternBytes(0, 6 * MIB);
    const { etag } = await store.put("source %", source, {}, signal);
    const properties = { contentType: "text/x-parts", metadata: { mode: "1" } };
    const id = await store.createMultipart(key, properties, signal);
    const last = await store.uploadPart(key, id, 3, bytesOf("end"), signal);
    const first = await store.uploadPart(key, id, 1, patternBytes(9, 5 * MIB), signal);
    const range = { start: 100, end: 100 + 5 * MIB };
    const copied = await store.uploadPartCopy(
      key,
      id,
      2,
      { key: "source %", ifMatch: etag },
      range,
      signal,
    );
    const result = await store.completeMultipart(key, id, [last, first, copied], {}, signal);
    const body = await store.get(key, {}, signal);
    assert.equal(body.info.etag, result.etag);
    assert.match(result.etag, /-3"$/);
    assert.equal(body.info.contentType, "text/x-parts");
    assert.deepEqual(body.info.metadata, { mode: "1" });
    const bytes = await drain(body);
    assert.equal(bytes.byteLength, 10 * MIB + 3);
    assert.deepEqual(bytes.subarray(0, 5 * MIB), patternBytes(9, 5 * MIB));
    assert.deepEqual(bytes.subarray(5 * MIB, 10 * MIB), source.subarray(100, 100 + 5 * MIB));
    assert.equal(new TextDecoder().decode(bytes.subarray(10 * MIB)), "end");
  });

  test("checks conditions when an upload is completed", async ({ store }, signal) => {
    const present = await store.put("k", bytesOf("present"), {}, signal);
    const begin = async () => {
      const id = await store.createMultipart("k", {}, signal);
      return { id, parts: [await store.uploadPart("k", id, 1, bytesOf("part"), signal)] };
    };
    const first = await begin();
    await assert.rejects(
      store.completeMultipart("k", first.id, first.parts, { ifNoneMatch: "*" }, signal),
      PreconditionFailedError,
    );
    assert.equal(await textOf(await store.get("k", {}, signal)), "present");
    await store.abortMultipart("k", first.id, signal);
    const second = await begin();
    const condition = { ifMatch: present.etag };
    await store.completeMultipart("k", second.id, second.parts, condition, signal);
    assert.equal(await textOf(await store.get("k", {}, signal)), "part");
  });

  test("refuses uploads that are wrong or gone", async ({ store }, signal) => {
    const id = await store.createMultipart("k", {}, signal);
    const small = await store.uploadPart("k", id, 1, bytesOf("small"), signal);
    const end = await store.uploadPart("k", id, 2, bytesOf("end"), signal);
    await assert.rejects(
      store.completeMultipart("k", id, [small, end], {}, signal),
      (error) => error instanceof StoreError && error.details.code === "EntityTooSmall",
    );
    await assert.rejects(
      store.completeMultipart("k", id, [{ partNumber: 7, etag: end.etag }], {}, signal),
      (error) => error instanceof StoreError && error.details.code === "InvalidPart",
    );
    await store.abortMultipart("k", id, signal);
    await store.abortMultipart("k", id, signal);
    await assert.rejects(store.uploadPart("k", id, 1, bytesOf("x"), signal), NotFoundError);
    await assert.rejects(store.completeMultipart("k", id, [small], {}, signal), NotFoundError);
    await assert.rejects(store.head("k", signal), NotFoundError);
  });

  test("lists the uploads of a key", async ({ store }, signal) => {
    const key = "dir/multi part+ü";
    const startMs = Date.now();
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push(await store.createMultipart(key, {}, signal));
    await store.createMultipart("dir/another", {}, signal);
    const { uploads, nextToken } = await store.listMultipart({ prefix: key }, signal);
    assert.equal(nextToken, undefined);
    assert.deepEqual(uploads.map((upload) => upload.key), [key, key, key]);
    assert.deepEqual(uploads.map(({ uploadId }) => uploadId).sort(), ids.sort());
    for (const { initiatedMs } of uploads) {
      // Whole seconds on some servers.
      assert.ok(initiatedMs >= startMs - 1000 && initiatedMs <= Date.now(), `${initiatedMs}`);
    }
    await store.abortMultipart(key, ids[0]!, signal);
    assert.deepEqual((await uploadsOf(store, { prefix: key }, signal)).sort(), ids.slice(1));
    assert.deepEqual(await uploadsOf(store, { prefix: "none" }, signal), []);
  });

  test("lists the uploads of all keys below a prefix", async ({ store }, signal) => {
    const ids: string[] = [];
    for (const key of ["d/b", "c", "d/a", "e", "d/ü"]) {
      const id = await store.createMultipart(key, {}, signal);
      if (key.startsWith("d/")) ids.push(id);
    }
    const [b, a, u] = ids;
    assert.deepEqual(await uploadsOf(store, { prefix: "d/" }, signal), [a, b, u]);
    assert.equal((await uploadsOf(store, { prefix: "" }, signal)).length, 5);
  });

  test("lists the uploads of a key page by page", async ({ store }, signal) => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await store.createMultipart("k", {}, signal));
    for (const maxUploads of [1, 2, 5]) {
      const listed = await uploadsOf(store, { prefix: "k", maxUploads }, signal);
      assert.deepEqual(listed.sort(), [...ids].sort(), `${maxUploads}`);
    }
  });
}

/** The ids of all pages. */
async function uploadsOf(
  store: ObjectStore,
  options: ListMultipartOptions,
  signal: AbortSignal,
): Promise<string[]> {
  const ids: string[] = [];
  let token: string | undefined;
  do {
    const page = await store.listMultipart(
      token === undefined ? options : { ...options, token },
      signal,
    );
    ids.push(...page.uploads.map(({ uploadId }) => uploadId));
    token = page.nextToken;
  } while (token !== undefined);
  return ids;
}
