import assert from "node:assert/strict";
import { PreconditionFailedError } from "./errors.ts";
import { copyObject } from "./server_copy.ts";
import { MemoryStore } from "./stores/memory.ts";

const NEVER = new AbortController().signal;
const GIB = 2 ** 30;
const PROPERTIES = {
  contentType: "text/x-a",
  metadata: { mode: "33188" },
  tags: { team: "a b" },
};

/** A store with a small "source" that is taken for a large one: the ranges beyond its end are empty. */
async function storeWithSource(): Promise<{ store: MemoryStore; etag: string }> {
  const store = new MemoryStore({ partBytesMin: 0 });
  const body = new TextEncoder().encode("content");
  const { etag } = await store.put("source", body, PROPERTIES, NEVER);
  return { store, etag };
}

Deno.test("copyObject copies in one request up to 5 GiB, and in parts beyond", async () => {
  for (const [size, copies, parts] of [[5 * GIB, 1, 0], [5 * GIB + 1, 0, 2], [26 * GIB, 0, 6]]) {
    const { store, etag } = await storeWithSource();
    await copyObject(store, { key: "source", etag, size: size! }, "k", {}, NEVER);
    assert.equal(store.counts.copy, copies);
    assert.equal(store.counts.uploadPartCopy, parts);
    const { contentType, metadata } = await store.head("k", NEVER);
    assert.deepEqual({ contentType, metadata, tags: await store.tags("k", NEVER) }, PROPERTIES);
    const body = await store.get("k", {}, NEVER);
    assert.equal(new TextDecoder().decode(await body.read(new Uint8Array(10))), "content");
  }
});

Deno.test("copyObject gives a large copy the properties that are asked for", async () => {
  const { store, etag } = await storeWithSource();
  const replace = { metadata: { mode: "1" }, contentType: "text/x-b" };
  const source = { key: "source", etag, size: 6 * GIB };
  await copyObject(store, source, "source", { replace, storageClass: "GLACIER_IR" }, NEVER);
  const info = await store.head("source", NEVER);
  assert.equal(info.contentType, "text/x-b");
  assert.deepEqual(info.metadata, { mode: "1" });
  assert.equal(info.storageClass, "GLACIER_IR");
  assert.deepEqual(await store.tags("source", NEVER), PROPERTIES.tags);
});

Deno.test("copyObject tells a changed source from a changed target, whatever the size", async () => {
  const isAbout = (what: string) => (error: unknown) =>
    error instanceof PreconditionFailedError && error.what === what;
  for (const size of [7, 6 * GIB]) {
    const { store, etag } = await storeWithSource();
    await store.put("taken", new Uint8Array(1), {}, NEVER);
    const create = { ifNoneMatch: "*" } as const;
    const source = { key: "source", etag, size };
    await assert.rejects(copyObject(store, source, "taken", create, NEVER), isAbout("target"));
    await store.put("source", new Uint8Array(1), {}, NEVER);
    await assert.rejects(copyObject(store, source, "new", create, NEVER), isAbout("source"));
    await store.delete("source", NEVER);
    await assert.rejects(copyObject(store, source, "new", create, NEVER), isAbout("source"));
    assert.equal(store.openUploads, 0);
  }
});
