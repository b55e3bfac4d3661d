import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { MemoryBudget } from "../base/memory_budget.ts";
import { nextSourceId } from "../cache/object_source.ts";
import { SeededRandom } from "../../tests/support/seeded_random.ts";
import { TransportError } from "../s3/errors.ts";
import type { DonePart } from "../s3/multipart_upload.ts";
import { MemoryStore, type StoreMethod } from "../s3/stores/memory.ts";
import { StagingArea } from "./staging_area.ts";
import type { PutOptions } from "../s3/object_store.ts";
import type { ReadBase } from "./read_base.ts";
import type { StagingFile } from "./staging_file.ts";
import {
  type BegunUpload,
  FileChangedError,
  keepsParts,
  MULTIPART_MIN,
  type Upload,
  Uploader,
  type UploadProgress,
} from "./uploader.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const details = { operation: "any", bucket: "b" };
const noBase: ReadBase = () => assert.fail("there is no base to read");

const saying = (options: PutOptions) => () => Promise.resolve(options);

/** An upload of a staging file without a base, to the key "k". */
function uploadOf(staged: StagingFile, rest: Partial<Upload> = {}): Upload {
  return {
    staged,
    key: "k",
    options: saying({}),
    readBase: noBase,
    isStale: () => false,
    onComplete: () => Promise.resolve(),
    beforePut: () => Promise.resolve(),
    onPlanned: () => Promise.resolve(),
    beforeCreate: () => Promise.resolve(),
    onCreated: () => Promise.resolve(),
    onPart: () => {},
    ...rest,
  };
}

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
    const uploader = new Uploader(store, budget);
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

/** Uploads until the store fails; returns how far that came. */
async function interrupted(
  uploader: Uploader,
  staged: StagingFile,
  rest: Partial<Upload> = {},
): Promise<UploadProgress> {
  const done: DonePart[] = [];
  let begun: BegunUpload | undefined;
  const upload = uploadOf(staged, {
    onCreated: (upload) => {
      begun = upload;
      return Promise.resolve();
    },
    onPart: (part) => done.push(part),
    ...rest,
  });
  await assert.rejects(uploader.upload(upload, never), TransportError);
  return { ...begun!, done };
}

function failing(store: MemoryStore, method: StoreMethod, after = 0): void {
  let calls = 0;
  store.hook = (call) => {
    if (call.method === method && ++calls > after) throw new TransportError("reset", details);
  };
}

Deno.test("Uploader sends a small file by one PUT, with its properties", () =>
  withStaged(1000, async ({ staged, bytes, store, uploader }) => {
    const options = { contentType: "image/png", metadata: { a: "b" } };
    const uploaded = await uploader.upload(uploadOf(staged, { options: saying(options) }), never);
    assert.equal(uploaded.size, 1000);
    assert.equal(store.counts.put, 1);
    const info = await store.head("k", never);
    assert.equal(info.etag, uploaded.etag);
    assert.equal(info.contentType, "image/png");
    assert.deepEqual(info.metadata, { a: "b" });
    assert.deepEqual(await contentOf(store, "k"), bytes);
  }));

Deno.test("Uploader tells before a PUT which ETag its object will have", () =>
  withStaged(1000, async ({ staged, store, uploader }) => {
    let told: string | undefined;
    const beforePut = (etag: string) => {
      told = etag;
      assert.equal(store.counts.put, 0);
      return Promise.resolve();
    };
    const { etag } = await uploader.upload(uploadOf(staged, { beforePut }), never);
    assert.equal(told, etag);
  }));

Deno.test("Uploader tells when it has brought bytes of the base, and only then, before it sends", () =>
  withStaged(0, async ({ store, uploader }) => {
    const directory = await Deno.makeTempDir();
    const area = new StagingArea(directory);
    const { etag } = await store.put("k", new Uint8Array(100), {}, never);
    const source = { store, id: nextSourceId(), key: "k", etag, size: 100 };
    const readBase: ReadBase = (_source, _offset, size) => [new Uint8Array(size)];
    const staged = area.create(source);
    staged.write(new Uint8Array([1]), 5);
    const order: string[] = [];
    store.hook = ({ method }) => {
      order.push(method);
    };
    const onComplete = () => {
      assert.equal(staged.complete, true);
      order.push("complete");
      return Promise.resolve();
    };
    await uploader.upload(uploadOf(staged, { readBase, onComplete }), never);
    staged.write(new Uint8Array([2]), 5);
    await uploader.upload(uploadOf(staged, { readBase, onComplete }), never);
    assert.deepEqual(order, ["complete", "put", "put"]);
    area.discard(staged);
    await Deno.remove(directory, { recursive: true });
  }));

Deno.test("Uploader sends an empty file", () =>
  withStaged(0, async ({ staged, store, uploader }) => {
    assert.equal((await uploader.upload(uploadOf(staged), never)).size, 0);
    assert.equal((await store.head("k", never)).size, 0);
  }));

Deno.test("Uploader sends a large file in parts", () =>
  withStaged(MULTIPART_MIN + 12_345, async ({ staged, bytes, store, uploader }) => {
    await uploader.upload(uploadOf(staged, { options: saying({ metadata: { a: "b" } }) }), never);
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
    await assert.rejects(uploader.upload(uploadOf(staged), never), /no/);
    assert.equal(store.counts.abortMultipart, 1);
    assert.equal(store.counts.completeMultipart, 0);
  }));

Deno.test("Uploader does not make an object of a file that was cut meanwhile", () =>
  withStaged(MULTIPART_MIN, async ({ staged, store, uploader }) => {
    store.hook = ({ method }) => {
      if (method === "createMultipart") staged.truncate(10);
    };
    await assert.rejects(uploader.upload(uploadOf(staged), never), FileChangedError);
    await assert.rejects(store.head("k", never));
  }));

Deno.test("Uploader sends nothing that is not wanted any more", () =>
  withStaged(10, async ({ staged, store, uploader }) => {
    const upload = uploadOf(staged, { isStale: () => true });
    await assert.rejects(uploader.upload(upload, never), FileChangedError);
    assert.equal(store.counts.put, 0);
  }));

Deno.test("Uploader does not complete what is not wanted any more, and keeps its parts", () =>
  withStaged(MULTIPART_MIN, async ({ staged, store, uploader }) => {
    let parts = 0;
    const upload = uploadOf(staged, { isStale: () => parts === 2, onPart: () => parts++ });
    const failure = await uploader.upload(upload, never).catch((error: unknown) => error);
    assert.ok(failure instanceof FileChangedError && keepsParts(failure));
    assert.equal(store.counts.completeMultipart, 0);
    assert.equal(store.openUploads, 1);
  }));

Deno.test("Uploader goes on with an interrupted upload: parts that are there are not sent again", () =>
  withStaged(3 * 8 * MIB, async ({ staged, bytes, store, uploader }) => {
    failing(store, "uploadPart", 2);
    const resume = await interrupted(uploader, staged);
    assert.equal(resume.done.length, 2);
    assert.equal(store.openUploads, 1);
    store.hook = undefined;
    const sent = store.counts.uploadPart;
    const uploaded = await uploader.upload(uploadOf(staged, { resume }), never);
    assert.equal(uploaded.uploadId, resume.uploadId);
    assert.equal(uploaded.hasProperties, true);
    assert.equal(store.counts.uploadPart - sent, 1);
    assert.equal(store.counts.createMultipart, 1);
    assert.equal(store.openUploads, 0);
    assert.equal(Buffer.compare(await contentOf(store, "k"), bytes), 0);
  }));

Deno.test("Uploader sends a part again that is another one by now", () =>
  withStaged(2 * 8 * MIB, async ({ staged, bytes, store, uploader }) => {
    failing(store, "completeMultipart");
    const resume = await interrupted(uploader, staged);
    store.hook = undefined;
    staged.write(new Uint8Array([1, 2, 3]), 9 * MIB);
    bytes.set([1, 2, 3], 9 * MIB);
    const sent = store.counts.uploadPart;
    await uploader.upload(uploadOf(staged, { resume }), never);
    assert.equal(store.counts.uploadPart - sent, 1);
    assert.equal(Buffer.compare(await contentOf(store, "k"), bytes), 0);
  }));

Deno.test("Uploader tells when a resumed upload was begun with other properties", () =>
  withStaged(2 * 8 * MIB, async ({ staged, store, uploader }) => {
    failing(store, "completeMultipart");
    const resume = await interrupted(uploader, staged, {
      options: saying({ metadata: { mode: "1" } }),
    });
    store.hook = undefined;
    const options = { metadata: { mode: "2" } };
    const uploaded = await uploader.upload(
      uploadOf(staged, { options: saying(options), resume }),
      never,
    );
    assert.equal(uploaded.hasProperties, false);
    assert.deepEqual((await store.head("k", never)).metadata, { mode: "1" });
  }));

Deno.test("Uploader goes on when the file has another size by now, with the parts that still fit", () =>
  withStaged(2 * 8 * MIB, async ({ staged, bytes, store, uploader }) => {
    failing(store, "completeMultipart");
    const resume = await interrupted(uploader, staged);
    store.hook = undefined;
    staged.truncate(20 * MIB);
    const planned: number[] = [];
    const onPlanned = (parts: readonly unknown[]) =>
      Promise.resolve(void planned.push(parts.length));
    const sent = store.counts.uploadPart;
    const uploaded = await uploader.upload(uploadOf(staged, { resume, onPlanned }), never);
    assert.equal(uploaded.uploadId, resume.uploadId);
    assert.deepEqual(planned, [3]);
    assert.equal(store.counts.uploadPart - sent, 1);
    const content = await contentOf(store, "k");
    assert.equal(content.length, 20 * MIB);
    assert.equal(Buffer.compare(content.subarray(0, bytes.length), bytes), 0);
  }));

Deno.test("Uploader goes on with an upload that was begun before the size was known, in parts of that size", () =>
  withStaged(3 * 8 * MIB + 5, async ({ staged, bytes, store, uploader }) => {
    const uploadId = await store.createMultipart("k", {}, never);
    const begun = { key: "k", uploadId };
    const range = (index: number) => ({ start: index * 8 * MIB, end: (index + 1) * 8 * MIB });
    const done = [
      await uploader.sendPart(staged, begun, 1, range(0), never),
      await uploader.sendPart(staged, begun, 3, range(2), never),
    ];
    const pread = staged.readMuch.bind(staged);
    const read: number[] = [];
    staged.readMuch = (target, offset) => {
      read.push(offset);
      return pread(target, offset);
    };
    const resume = { uploadId, parts: [], partBytes: 8 * MIB, properties: {}, done };
    staged.write(new Uint8Array([1]), 17 * MIB);
    bytes[17 * MIB] = 1;
    await uploader.upload(uploadOf(staged, { resume }), never);
    assert.deepEqual(read.sort((a, b) => a - b), [8 * MIB, 16 * MIB, 24 * MIB], "not the first");
    uploader.dropBuffers();
    assert.equal(store.counts.uploadPart, 2 + 3);
    assert.equal(store.counts.createMultipart, 1);
    assert.equal(Buffer.compare(await contentOf(store, "k"), bytes), 0);
  }));
