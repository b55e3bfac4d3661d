import assert from "node:assert/strict";
import { nextTurn } from "../base/clock.ts";
import { MemoryBudget } from "../base/memory_budget.ts";
import { NotFoundError, PreconditionFailedError, UnsupportedError } from "./errors.ts";
import { type DonePart, type MultipartUpload, uploadInParts } from "./multipart_upload.ts";
import { planParts } from "./part_plan.ts";
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
    parts: planParts(size),
    readPart: (range, target) => pattern(target, range.start),
    budget: new MemoryBudget(8 * PART_MEMORY),
    concurrency: 4,
    ...more,
  };
}

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
    await nextTurn();
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

/** The content of "k". */
async function contentOf(store: MemoryStore): Promise<Uint8Array> {
  const { info, read } = await store.get("k", {}, NEVER).then((body) => ({
    info: body.info,
    read: (size: number) => body.read(new Uint8Array(size)),
  }));
  return await read(info.size);
}

function patternOf(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  void pattern(bytes, 0);
  return bytes;
}

Deno.test("uploadInParts takes what is unchanged from the object on the server", async () => {
  const store = new MemoryStore();
  const size = 40 * MIB;
  const base = patternOf(size);
  const { etag } = await store.put("base", base, {}, NEVER);
  const parts = planParts(size, [{ start: 0, end: 20 * MIB }, { start: 21 * MIB, end: size }]);
  let read = 0;
  const changed = upload(size, {
    parts,
    copySource: { key: "base", ifMatch: etag },
    readPart: (_range, target) => {
      read += target.byteLength;
      target.fill(255);
      return Promise.resolve();
    },
  });
  await uploadInParts(store, "k", changed, { tags: { a: "b" } }, NEVER);
  const expected = base.slice();
  for (const { range, from } of parts) {
    if (from === "data") expected.fill(255, range.start, range.end);
  }
  assert.deepEqual(await contentOf(store), expected);
  assert.equal(read, 5 * MIB);
  assert.equal(store.counts.uploadPartCopy, 2);
  assert.deepEqual(await store.tags("k", NEVER), { a: "b" });
});

Deno.test("uploadInParts needs no memory where all is copied", async () => {
  const store = new MemoryStore();
  const { etag } = await store.put("base", patternOf(9 * MIB), {}, NEVER);
  const copied = upload(9 * MIB, {
    parts: planParts(9 * MIB, [{ start: 0, end: 9 * MIB }]),
    copySource: { key: "base", ifMatch: etag },
    budget: new MemoryBudget(0),
  });
  await uploadInParts(store, "k", copied, {}, NEVER);
  assert.deepEqual(await contentOf(store), patternOf(9 * MIB));
});

Deno.test("uploadInParts tells a changed copy source from a changed target", async () => {
  const store = new MemoryStore();
  const { etag } = await store.put("base", patternOf(9 * MIB), {}, NEVER);
  const copied = upload(9 * MIB, {
    parts: planParts(9 * MIB, [{ start: 0, end: 9 * MIB }]),
    copySource: { key: "base", ifMatch: etag },
  });
  await store.put("k", new Uint8Array(1), {}, NEVER);
  const isAbout = (what: string) => (error: unknown) =>
    error instanceof PreconditionFailedError && error.what === what;
  const create = { ifNoneMatch: "*" } as const;
  await assert.rejects(uploadInParts(store, "k", copied, create, NEVER), isAbout("target"));
  await store.put("base", new Uint8Array(1), {}, NEVER);
  await assert.rejects(uploadInParts(store, "k", copied, create, NEVER), isAbout("source"));
  await store.delete("base", NEVER);
  await assert.rejects(uploadInParts(store, "k", copied, create, NEVER), isAbout("source"));
  assert.equal(store.openUploads, 0);
});

Deno.test("uploadInParts passes on that a server copies no parts", async () => {
  const store = new MemoryStore();
  store.hook = ({ method }) => {
    if (method !== "uploadPartCopy") return;
    throw new UnsupportedError("no", { operation: "UploadPartCopy", bucket: "memory" });
  };
  const copied = upload(9 * MIB, {
    parts: planParts(9 * MIB, [{ start: 0, end: 9 * MIB }]),
    copySource: { key: "base" },
  });
  await assert.rejects(uploadInParts(store, "k", copied, {}, NEVER), UnsupportedError);
  assert.equal(store.openUploads, 0);
});

/** Breaks an upload of 40 MiB after some parts, and returns what a restart would know. */
async function broken(store: MemoryStore): Promise<NonNullable<MultipartUpload["resume"]>> {
  const done: DonePart[] = [];
  let uploadId = "";
  store.hook = ({ method }) => {
    if (method === "uploadPart" && store.counts.uploadPart === 4) throw new Error("killed");
  };
  const first = upload(40 * MIB, {
    concurrency: 1,
    onCreated: (id) => Promise.resolve(void (uploadId = id)),
    onPart: (part) => done.push(part),
    keepParts: () => true,
  });
  await assert.rejects(uploadInParts(store, "k", first, {}, NEVER), /killed/);
  store.hook = undefined;
  store.counts.uploadPart = 0;
  assert.equal(done.length, 3);
  return { uploadId, done };
}

Deno.test("uploadInParts resumes with the parts that are still the same", async () => {
  const store = new MemoryStore();
  const resume = await broken(store);
  assert.equal(store.openUploads, 1);
  let reported = 0;
  // The second part is another one by now.
  const again = upload(40 * MIB, {
    resume,
    onPartDone: (bytes) => reported += bytes,
    readPart: async (range, target) => {
      await pattern(target, range.start);
      if (range.start === 8 * MIB) target[0] = 255;
    },
  });
  await uploadInParts(store, "k", again, {}, NEVER);
  assert.equal(store.counts.uploadPart, 3);
  assert.equal(store.counts.createMultipart, 1);
  assert.equal(reported, 40 * MIB);
  const expected = patternOf(40 * MIB);
  expected[8 * MIB] = 255;
  assert.deepEqual(await contentOf(store), expected);
  assert.equal(store.openUploads, 0);
});

Deno.test("uploadInParts begins anew when the server has forgotten the upload", async () => {
  const store = new MemoryStore();
  const resume = await broken(store);
  await store.abortMultipart("k", resume.uploadId, NEVER);
  const created: string[] = [];
  const again = upload(40 * MIB, {
    resume,
    onCreated: (id) => Promise.resolve(void created.push(id)),
  });
  await uploadInParts(store, "k", again, {}, NEVER);
  assert.equal(created.length, 1);
  assert.equal(store.counts.uploadPart >= 5, true);
  assert.deepEqual(await contentOf(store), patternOf(40 * MIB));
});

Deno.test("uploadInParts recognises an upload that was completed before a restart", async () => {
  const store = new MemoryStore();
  const done: DonePart[] = [];
  let uploadId = "";
  const whole = upload(20 * MIB, {
    onCreated: (id) => Promise.resolve(void (uploadId = id)),
    onPart: (part) => done.push(part),
  });
  const create = { ifNoneMatch: "*" } as const;
  const { etag } = await uploadInParts(store, "k", whole, create, NEVER);
  const again = upload(20 * MIB, { resume: { uploadId, done } });
  assert.deepEqual(await uploadInParts(store, "k", again, create, NEVER), { etag });
  assert.equal(store.counts.createMultipart, 1);
  // Somebody else's object is no success of ours.
  await store.put("k", new Uint8Array(1), {}, NEVER);
  await assert.rejects(
    uploadInParts(store, "k", again, create, NEVER),
    PreconditionFailedError,
  );
});

Deno.test("uploadInParts asks before it completes, and can be stopped there", async () => {
  const store = new MemoryStore();
  const stopped = upload(20 * MIB, {
    beforeComplete: () => {
      throw new Error("replaced meanwhile");
    },
  });
  await assert.rejects(uploadInParts(store, "k", stopped, {}, NEVER), /replaced meanwhile/);
  await assert.rejects(store.head("k", NEVER), NotFoundError);
  assert.equal(store.openUploads, 0);
});

Deno.test("uploadInParts sends no part before the upload's id was noted", async () => {
  const store = new MemoryStore();
  const refusing = upload(20 * MIB, {
    onCreated: () => Promise.reject(new Error("the disk is full")),
  });
  await assert.rejects(uploadInParts(store, "k", refusing, {}, NEVER), /the disk is full/);
  assert.equal(store.counts.uploadPart, 0);
  assert.equal(store.openUploads, 0);
});

Deno.test("uploadInParts refuses parts that do not make up the object", async () => {
  const wrong = upload(20 * MIB, { parts: planParts(19 * MIB) });
  await assert.rejects(uploadInParts(new MemoryStore(), "k", wrong, {}, NEVER), /do not make up/);
});
