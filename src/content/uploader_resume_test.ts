import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { nextTurn } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { nextSourceId } from "../cache/object_source.ts";
import { TransportError } from "../s3/errors.ts";
import type { DonePart } from "../s3/multipart_upload.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { StagingArea } from "./staging_area.ts";
import type { ReadBase } from "./read_base.ts";
import { type BegunUpload, MULTIPART_MIN, type Upload, Uploader } from "./uploader.ts";

const never = new AbortController().signal;
const MIB = 2 ** 20;
const SIZE = MULTIPART_MIN + 8 * MIB;

interface Fixture {
  readonly store: MemoryStore;
  readonly uploader: Uploader;
  /** The upload to "k" of a file over a new object full of `fill`, whose first byte is changed to 1. */
  over(key: string, fill: number): Promise<Upload>;
}

async function withBases(body: (fixture: Fixture) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const store = new MemoryStore();
    const uploader = new Uploader(store, new MemoryBudget(256 * MIB));
    const area = new StagingArea(directory);
    const files = new Set<Upload["staged"]>();
    const over = async (key: string, fill: number): Promise<Upload> => {
      const { etag } = await store.put(key, new Uint8Array(SIZE).fill(fill), {}, never);
      const staged = area.create({ store, id: nextSourceId(), key, etag, size: SIZE });
      files.add(staged);
      staged.write(new Uint8Array([1]), 0);
      const readBase: ReadBase = (_source, _offset, size) => [new Uint8Array(size).fill(fill)];
      return {
        staged,
        key: "k",
        options: () => Promise.resolve({}),
        readBase,
        isStale: () => false,
        onComplete: () => Promise.resolve(),
        beforePut: () => Promise.resolve(),
        onPlanned: () => Promise.resolve(),
        beforeCreate: () => Promise.resolve(),
        onCreated: () => Promise.resolve(),
        onPart: () => {},
      };
    };
    await body({ store, uploader, over });
    for (const staged of files) area.discard(staged);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Brings all parts, but makes no object of them. */
async function interrupt(
  { store, uploader }: Fixture,
  upload: Upload,
): Promise<NonNullable<Upload["resume"]>> {
  const done: DonePart[] = [];
  let begun: BegunUpload | undefined;
  store.hook = ({ method }) => {
    if (method !== "completeMultipart") return;
    throw new TransportError("reset", { operation: method, bucket: "b" });
  };
  const noting = {
    ...upload,
    onCreated: (upload: BegunUpload) => Promise.resolve(void (begun = upload)),
    onPart: (part: DonePart) => void done.push(part),
  };
  await assert.rejects(uploader.upload(noting, never), TransportError);
  store.hook = undefined;
  // As it comes back from the journal.
  return JSON.parse(JSON.stringify({ ...begun!, done }));
}

async function hasContent(store: MemoryStore, fill: number): Promise<boolean> {
  const body = await store.get("k", {}, never);
  const expected = new Uint8Array(SIZE).fill(fill);
  expected[0] = 1;
  return Buffer.compare(await body.read(new Uint8Array(SIZE)), expected) === 0;
}

Deno.test("Uploader takes from the base what was not changed, and goes on with such parts", () =>
  withBases(async (fixture) => {
    const upload = await fixture.over("base", 7);
    const resume = await interrupt(fixture, upload);
    assert.deepEqual(resume.parts.map(({ from }) => from), ["data", "copy"]);
    const { uploadPart, uploadPartCopy } = fixture.store.counts;
    await fixture.uploader.upload({ ...upload, resume }, never);
    assert.equal(fixture.store.counts.uploadPart, uploadPart);
    assert.equal(fixture.store.counts.uploadPartCopy, uploadPartCopy);
    assert.ok(await hasContent(fixture.store, 7));
  }));

for (const [what, key] of [["key", "base 2"], ["version", "base"]] as const) {
  Deno.test(`Uploader does not go on with parts that were copied from another ${what}`, () =>
    withBases(async (fixture) => {
      const resume = await interrupt(fixture, await fixture.over("base", 7));
      const upload = await fixture.over(key, 8);
      await fixture.uploader.upload({ ...upload, resume }, never);
      assert.ok(await hasContent(fixture.store, 8));
    }));
}

Deno.test("Uploader announces an upload before the server begins it", () =>
  withBases(async ({ store, uploader, over }) => {
    const upload = await over("base", 7);
    const steps: string[] = [];
    store.hook = ({ method }) => void steps.push(method);
    await uploader.upload({
      ...upload,
      beforeCreate: () => Promise.resolve(void steps.push("announce")),
      onCreated: () => Promise.resolve(void steps.push("note")),
      onPart: () => nextTurn().then(() => void steps.push("part noted")),
    }, never);
    assert.deepEqual(steps.slice(0, 3), ["announce", "createMultipart", "note"]);
    assert.deepEqual(steps.slice(-2), ["part noted", "completeMultipart"]);
  }));
