import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { MemoryBudget } from "../base/memory_budget.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SeededRandom } from "../../tests/support/seeded_random.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { StagingArea } from "./staging_area.ts";
import type { ReadBase, StagingFile } from "./staging_file.ts";
import { FileChangedError, MULTIPART_MIN, Uploader } from "./uploader.ts";

const never = new AbortController().signal;
const noBase: ReadBase = () => assert.fail("there is no base to read");

async function withStaged(
  size: number,
  body: (s: {
    staged: StagingFile;
    bytes: Uint8Array;
    store: MemoryStore;
    budget: MemoryBudget;
    uploader: Uploader;
  }) => Promise<void>,
) {
  const directory = await Deno.makeTempDir();
  try {
    const store = new MemoryStore();
    const budget = new MemoryBudget(256 * 2 ** 20);
    const area = new StagingArea(directory);
    const staged = area.create(undefined);
    const pattern = new SeededRandom(3).bytes(100_003);
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += pattern.length) {
      bytes.set(pattern.subarray(0, Math.min(pattern.length, size - at)), at);
    }
    staged.write(bytes, 0);
    const uploader = new Uploader(store, budget, new Semaphore(2));
    await body({ staged, bytes, store, budget, uploader });
    assert.equal(budget.usedBytes, 0, "all memory is given back");
    area.discard(staged);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function contentOf(store: MemoryStore, key: string): Promise<Uint8Array> {
  const body = await store.get(key, {}, never);
  return await body.read(new Uint8Array(body.info.size));
}

Deno.test("Uploader sends a small file by one PUT, with its properties", () =>
  withStaged(1000, async ({ staged, bytes, store, uploader }) => {
    const options = { contentType: "image/png", metadata: { a: "b" } };
    const uploaded = await uploader.upload(staged, "k", options, noBase, never);
    assert.equal(uploaded.size, 1000);
    assert.equal(store.counts.put, 1);
    const info = await store.head("k", never);
    assert.equal(info.etag, uploaded.etag);
    assert.equal(info.contentType, "image/png");
    assert.deepEqual(info.metadata, { a: "b" });
    assert.deepEqual(await contentOf(store, "k"), bytes);
  }));

Deno.test("Uploader sends an empty file", () =>
  withStaged(0, async ({ staged, store, uploader }) => {
    assert.equal((await uploader.upload(staged, "k", {}, noBase, never)).size, 0);
    assert.equal((await store.head("k", never)).size, 0);
  }));

Deno.test("Uploader sends a large file in parts", () =>
  withStaged(MULTIPART_MIN + 12_345, async ({ staged, bytes, store, uploader }) => {
    await uploader.upload(staged, "k", { metadata: { a: "b" } }, noBase, never);
    assert.equal(store.counts.put, 0);
    assert.equal(store.counts.uploadPart, 3);
    assert.equal(Buffer.compare(await contentOf(store, "k"), bytes), 0);
    assert.deepEqual((await store.head("k", never)).metadata, { a: "b" });
  }));

Deno.test("Uploader removes the parts when one of them fails", () =>
  withStaged(MULTIPART_MIN, async ({ staged, store, uploader }) => {
    store.hook = ({ method }) => {
      if (method === "uploadPart") throw new Error("no");
    };
    await assert.rejects(uploader.upload(staged, "k", {}, noBase, never), /no/);
    assert.equal(store.counts.abortMultipart, 1);
    assert.equal(store.counts.completeMultipart, 0);
  }));

Deno.test("Uploader does not make an object of a file that was cut meanwhile", () =>
  withStaged(MULTIPART_MIN, async ({ staged, store, uploader }) => {
    store.hook = ({ method }) => {
      if (method === "createMultipart") staged.truncate(10);
    };
    await assert.rejects(uploader.upload(staged, "k", {}, noBase, never), FileChangedError);
    await assert.rejects(store.head("k", never));
  }));

Deno.test("Uploader waits for a slot and lets go when its signal fires", () =>
  withStaged(10, async ({ staged, store, budget }) => {
    const slots = new Semaphore(1);
    const release = await slots.acquire(never);
    const abort = new AbortController();
    const upload = new Uploader(store, budget, slots).upload(staged, "k", {}, noBase, abort.signal);
    abort.abort(new Error("enough"));
    await assert.rejects(upload, /enough/);
    release();
    assert.equal(store.counts.put, 0);
  }));
