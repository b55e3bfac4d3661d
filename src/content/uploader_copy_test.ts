import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SeededRandom } from "../../tests/support/seeded_random.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { nextSourceId, type ObjectSource } from "../cache/object_source.ts";
import { PreconditionFailedError, UnsupportedError } from "../s3/errors.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { StagingArea } from "./staging_area.ts";
import type { ReadBase } from "./read_base.ts";
import type { StagingFile } from "./staging_file.ts";
import { type BegunUpload, type Upload, Uploader } from "./uploader.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;

interface Scene {
  readonly store: MemoryStore;
  readonly uploader: Uploader;
  /** What the file is to be. */
  readonly bytes: Uint8Array;
  readonly staged: StagingFile;
  /** Bytes sent to the store, and read of the base. */
  sent: number;
  fetched: number;
  upload(rest?: Partial<Upload>): Upload;
}

/** A staging file over the object "k". */
async function overObject(size: number, body: (scene: Scene) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const store = new MemoryStore();
    const bytes = pattern(size);
    const { etag } = await store.put("k", bytes, {}, never);
    const source: ObjectSource = { store, id: nextSourceId(), key: "k", etag, size: bytes.length };
    const area = new StagingArea(directory);
    const staged = area.create(source);
    const readBase: ReadBase = (_source, offset, size) => {
      scene.fetched += size;
      return [bytes.slice(offset, offset + size)];
    };
    const scene: Scene = {
      store: counting(store, (size) => scene.sent += size),
      uploader: new Uploader(store, new MemoryBudget(256 * MIB)),
      bytes,
      staged,
      sent: 0,
      fetched: 0,
      upload: (rest = {}) => ({
        staged,
        key: "k",
        options: () => Promise.resolve({ ifMatch: etag }),
        readBase,
        isStale: () => false,
        onComplete: () => Promise.resolve(),
        beforePut: () => Promise.resolve(),
        onPlanned: () => Promise.resolve(),
        beforeCreate: () => Promise.resolve(),
        onCreated: () => Promise.resolve(),
        onPart: () => {},
        ...rest,
      }),
    };
    await body(scene);
    area.discard(staged);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Other bytes in each of its parts. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  const piece = new SeededRandom(5).bytes(100_003);
  for (let at = 0; at < size; at += piece.length) bytes.set(piece.subarray(0, size - at), at);
  return bytes;
}

/** Tells the size of each body that the store is sent from now on. */
function counting(store: MemoryStore, onSent: (size: number) => void): MemoryStore {
  const put = store.put.bind(store);
  const uploadPart = store.uploadPart.bind(store);
  store.put = (key, body, ...rest) => {
    onSent(body.byteLength);
    return put(key, body, ...rest);
  };
  store.uploadPart = (key, id, number, body, ...rest) => {
    onSent(body.byteLength);
    return uploadPart(key, id, number, body, ...rest);
  };
  return store;
}

function write(scene: Scene, data: Uint8Array<ArrayBuffer>, offset: number): void {
  scene.staged.write(data, offset);
  scene.bytes.set(data, offset);
}

async function contentOf(store: MemoryStore): Promise<Uint8Array<ArrayBuffer>> {
  const body = await store.get("k", {}, never);
  return await body.read(new Uint8Array(body.info.size));
}

Deno.test("Uploader sends of a large object that was edited only what is around the edit", () =>
  overObject(40 * MIB, async (scene) => {
    write(scene, new Uint8Array(1000).fill(1), 20 * MIB);
    await scene.uploader.upload(scene.upload(), never);
    assert.ok(scene.sent <= 8 * MIB, `${scene.sent} bytes sent`);
    assert.equal(scene.fetched, scene.sent - 1000, "the rest of that part");
    assert.ok(scene.store.counts.uploadPartCopy >= 2);
    assert.equal(Buffer.compare(await contentOf(scene.store), scene.bytes), 0);
  }));

Deno.test("Uploader sends of a large object that was appended to only the end", () =>
  overObject(24 * MIB, async (scene) => {
    const more = new Uint8Array(100_000).fill(9);
    scene.staged.write(more, 24 * MIB);
    await scene.uploader.upload(scene.upload(), never);
    assert.equal(scene.sent, 100_000);
    assert.equal(scene.fetched, 0);
    const content = await contentOf(scene.store);
    assert.equal(Buffer.compare(content, Buffer.concat([scene.bytes, more])), 0);
  }));

Deno.test("Uploader sends nothing of a large object that was cut", () =>
  overObject(24 * MIB, async (scene) => {
    scene.staged.truncate(18 * MIB);
    await scene.uploader.upload(scene.upload(), never);
    assert.equal(scene.sent, 0);
    assert.equal(Buffer.compare(await contentOf(scene.store), scene.bytes.slice(0, 18 * MIB)), 0);
  }));

Deno.test("Uploader sends zeros for holes, not what the base has there", () =>
  overObject(24 * MIB, async (scene) => {
    scene.staged.punchHole(6 * MIB, 10 * MIB);
    scene.bytes.fill(0, 6 * MIB, 16 * MIB);
    await scene.uploader.upload(scene.upload(), never);
    assert.equal(Buffer.compare(await contentOf(scene.store), scene.bytes), 0);
  }));

Deno.test("Uploader sends everything where the endpoint copies no parts, and does not ask again", () =>
  overObject(24 * MIB, async (scene) => {
    scene.store.hook = ({ method }) => {
      if (method !== "uploadPartCopy") return;
      throw new UnsupportedError("no", { operation: "UploadPartCopy", bucket: "b" });
    };
    write(scene, new Uint8Array(1000).fill(1), 10 * MIB);
    const { etag } = await scene.uploader.upload(scene.upload(), never);
    assert.equal(Buffer.compare(await contentOf(scene.store), scene.bytes), 0);
    assert.equal(scene.store.openUploads, 0);
    const asked = scene.store.counts.uploadPartCopy;
    write(scene, new Uint8Array(1000).fill(2), 10 * MIB);
    await scene.uploader.upload(
      scene.upload({ options: () => Promise.resolve({ ifMatch: etag }) }),
      never,
    );
    assert.equal(scene.store.counts.uploadPartCopy, asked);
  }));

Deno.test("Uploader refuses to mix in parts of a version that is not its base", () =>
  overObject(24 * MIB, async (scene) => {
    write(scene, new Uint8Array(1000).fill(1), 10 * MIB);
    await scene.store.put("k", new Uint8Array(24 * MIB), {}, never);
    await assert.rejects(
      scene.uploader.upload(scene.upload(), never),
      (error) => error instanceof PreconditionFailedError && error.what === "source",
    );
    assert.equal(scene.store.openUploads, 0);
  }));

Deno.test("Uploader does not go on with an upload whose copied parts are of another version", () =>
  overObject(24 * MIB, async (scene) => {
    write(scene, new Uint8Array(1000).fill(1), 10 * MIB);
    let begun: BegunUpload | undefined;
    const stopped = scene.upload({
      onCreated: (upload) => {
        begun = upload;
        return Promise.resolve();
      },
      isStale: () => true,
    });
    await assert.rejects(scene.uploader.upload(stopped, never));
    // The same bytes, as another object: made by a rename, for example.
    const { etag } = await scene.store.put("other", await contentOf(scene.store), {}, never);
    const source: ObjectSource = { ...scene.staged.base!, key: "other", etag };
    scene.staged.rebase(source);
    const resume = { ...begun!, done: [] };
    const uploaded = await scene.uploader.upload(scene.upload({ resume }), never);
    assert.notEqual(uploaded.uploadId, begun!.uploadId);
    assert.equal(Buffer.compare(await contentOf(scene.store), scene.bytes), 0);
  }));
