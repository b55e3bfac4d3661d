import assert from "node:assert/strict";
import { FakeClock } from "../../tests/support/fake_clock.ts";
import { loseAnswer } from "../../tests/support/journalled_volume.ts";
import { MemoryJournal } from "../../tests/support/memory_journal.ts";
import { advance, context, MemoryVolume, until } from "../../tests/support/memory_volume.ts";
import { nextTurn } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { BegunUpload } from "../content/uploader.ts";
import { AccessDeniedError, TransportError } from "../s3/errors.ts";
import { MemoryStore } from "../s3/stores/memory.ts";
import { UploadRecords } from "./upload_records.ts";

const NEVER = new AbortController().signal;
const HOUR_MS = 3_600_000;
const details = { operation: "any", bucket: "b" };
const unwanted = () => false;

class Rig {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly store = new MemoryStore({ nowMs: () => this.clock.nowMs() });
  readonly journal = new MemoryJournal();
  records = this.#records();

  /** What the next run of the program knows. */
  async restart(): Promise<void> {
    this.records = this.#records();
    this.records.load(await this.journal.load());
  }

  begin(key: string): Promise<string> {
    return this.store.createMultipart(key, {}, NEVER);
  }

  /** The uploads on the server. */
  async listed(): Promise<string[]> {
    const { uploads } = await this.store.listMultipart({ prefix: "" }, NEVER);
    return uploads.map(({ uploadId }) => uploadId);
  }

  #records(): UploadRecords {
    const { journal, store, clock } = this;
    return new UploadRecords({ journal, store, clock, log: logger("test") });
  }
}

function begunUpload(uploadId: string): BegunUpload {
  return {
    uploadId,
    parts: [{ range: { start: 0, end: 5 }, from: "data" }],
    copySource: { key: "base", ifMatch: '"e"' },
    properties: { metadata: { mode: "1" } },
  };
}

Deno.test("UploadRecords brings an upload over a restart, with the parts that arrived", async () => {
  const rig = new Rig();
  await rig.records.announce("k", NEVER);
  const upload = begunUpload(await rig.begin("k"));
  await rig.records.begin("k", upload, "file");
  const part = { partNumber: 1, range: { start: 0, end: 5 }, etag: '"p"', md5: "00" };
  await rig.records.addPart("k", part);
  await rig.restart();
  const { uploadId, parts, copySource, properties, done } = rig.records.get("k")!;
  assert.deepEqual({ uploadId, parts, copySource, properties }, upload);
  assert.deepEqual(done, [part]);
  await rig.journal.commit(rig.records.end("k", "another upload"));
  assert.ok(rig.records.get("k") !== undefined);
  await rig.journal.commit(rig.records.end("k", upload.uploadId));
  assert.deepEqual(rig.journal.entries(), []);
});

Deno.test("UploadRecords finds an upload that the program was killed too early to note", async () => {
  const rig = new Rig();
  const older = await rig.begin("k");
  await rig.clock.advance(HOUR_MS);
  await rig.records.announce("k", NEVER);
  await rig.begin("k");
  const ofOtherKey = await rig.begin("k2");
  await rig.clock.advance(HOUR_MS);
  const newer = await rig.begin("k");
  await rig.restart();
  assert.deepEqual(rig.records.keys(), ["k"]);
  assert.equal(rig.records.get("k"), undefined);
  await rig.records.remove("k", unwanted, NEVER);
  assert.deepEqual(await rig.listed(), [older, newer, ofOtherKey]);
  assert.deepEqual(rig.journal.entries(), []);
});

Deno.test("UploadRecords removes what there is before it lets another upload begin", async () => {
  const rig = new Rig();
  await rig.records.announce("k", NEVER);
  await rig.records.begin("k", begunUpload(await rig.begin("k")), "file");
  await rig.records.addPart("k", { partNumber: 1, range: { start: 0, end: 5 }, etag: '"p"' });
  await rig.records.announce("k", NEVER);
  assert.deepEqual(await rig.listed(), []);
  assert.equal(rig.journal.entries("part").length, 0);
  await rig.begin("k"); // its answer is lost
  await rig.records.announce("k", NEVER);
  assert.deepEqual(await rig.listed(), []);
});

Deno.test("UploadRecords does not go on with an upload that was given up, and removes it", async () => {
  const rig = new Rig();
  await rig.records.begin("k", begunUpload(await rig.begin("k")), "file");
  rig.records.giveUp("k");
  assert.equal(rig.records.get("k"), undefined);
  await rig.records.remove("k", unwanted, NEVER);
  assert.deepEqual(await rig.listed(), []);
});

Deno.test("UploadRecords leaves alone what was begun while it looked", async () => {
  const rig = new Rig();
  await rig.records.announce("k", NEVER);
  let isWanted = false;
  rig.store.answerHook = ({ method }) => {
    isWanted ||= method === "listMultipart";
  };
  const id = await rig.begin("k");
  await rig.records.remove("k", () => isWanted, NEVER);
  assert.deepEqual(await rig.listed(), [id]);
  assert.deepEqual(rig.records.keys(), ["k"]);
});

Deno.test("UploadRecords keeps the note of a newer upload when it has removed an older one", async () => {
  const rig = new Rig();
  await rig.records.begin("k", begunUpload(await rig.begin("k")), "file");
  rig.store.answerHook = async ({ method }) => {
    if (method !== "abortMultipart") return;
    rig.store.answerHook = undefined;
    await rig.records.begin("k", begunUpload(await rig.begin("k")), "file");
  };
  await rig.records.remove("k", unwanted, NEVER);
  assert.deepEqual(await rig.listed(), [rig.records.get("k")!.uploadId]);
  assert.equal(rig.journal.entries("upload").length, 1);
});

Deno.test("UploadRecords tries again what failed for now, and forgets what cannot be done", async () => {
  const rig = new Rig();
  await rig.records.announce("k", NEVER);
  rig.store.hook = () => Promise.reject(new TransportError("reset", details));
  await assert.rejects(rig.records.remove("k", unwanted, NEVER), TransportError);
  assert.deepEqual(rig.records.keys(), ["k"]);
  rig.store.hook = () => Promise.reject(new AccessDeniedError("no listing", details));
  await rig.records.remove("k", unwanted, NEVER);
  assert.deepEqual(rig.records.keys(), []);
});

/** A volume that is killed when the server has begun the upload of "big", and its next run. */
async function killedAtCreation(
  change: (volume: MemoryVolume) => Promise<void>,
  body: (next: MemoryVolume) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.write("big", "x".repeat(17 * 2 ** 20));
  await loseAnswer(volume, "createMultipart");
  assert.equal(volume.store.openUploads, 1);
  await change(volume);
  await using next = await volume.restart();
  await body(next);
}

Deno.test("S3FileSystem removes the upload that the kill orphaned, when it begins another", () =>
  killedAtCreation(() => Promise.resolve(), async (next) => {
    await next.fs.drain(context.signal);
    assert.equal(next.store.counts.createMultipart, 2);
    assert.equal(next.store.openUploads, 0);
    assert.deepEqual(await next.keys(), ["big"]);
    assert.deepEqual(next.journal.entries(), []);
  }));

Deno.test("S3FileSystem removes the upload that the kill orphaned of a file that is gone", () =>
  killedAtCreation((volume) => volume.unlink("big"), async (next) => {
    await next.fs.drain(context.signal);
    await advance(next, 10_000);
    await until(() => next.store.openUploads === 0 && next.journal.entries().length === 0);
    assert.equal(next.store.counts.createMultipart, 1);
    assert.deepEqual(await next.keys(), []);
  }));

Deno.test("S3FileSystem sends attributes set while an upload waited, though it was begun before", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  await using volume = new MemoryVolume({ durability: "journal", clock });
  await volume.write("big", "x".repeat(17 * 2 ** 20));
  volume.store.hook = ({ method }) => {
    if (method === "completeMultipart") throw new TransportError("reset", details);
  };
  const abort = new AbortController();
  volume.fs.drain(abort.signal).catch(() => {});
  await until(() => volume.fs.uploads().failed.length === 1);
  abort.abort();
  volume.store.hook = undefined;
  await volume.fs.setattr(await volume.ino("big"), { mode: 0o600 }, undefined, context);
  const sent = volume.store.counts.uploadPart;
  let isDrained = false;
  const draining = volume.fs.drain(context.signal).then(() => isDrained = true);
  while (!isDrained) {
    await advance(volume, 1000);
    await nextTurn();
  }
  await draining;
  assert.equal(volume.store.counts.uploadPart, sent);
  const { metadata } = await volume.store.head("big", NEVER);
  assert.equal(metadata?.["mode"], String(0o100600));
});

Deno.test("S3FileSystem recognises an edit that arrived though the kill came first, and edits of it", async () => {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const size = 40 * 2 ** 20;
  const at = 20 * 2 ** 20;
  await using volume = new MemoryVolume({ durability: "journal", clock });
  const properties = { metadata: { own: "kept" }, tags: { team: "a" } };
  await volume.store.put("big", new Uint8Array(size).fill(7), properties, NEVER);
  const edit = async (edited: MemoryVolume, text: string) => {
    const file = await edited.open("big");
    edited.writeOpen(file, text, at);
    await edited.close(file);
  };
  await edit(volume, "edited");
  await loseAnswer(volume, "completeMultipart");
  await using next = await volume.restart();
  await edit(next, "EDIT");
  await next.fs.drain(context.signal);
  assert.deepEqual(await next.keys(), ["big"]);
  assert.deepEqual([next.fs.problems(), next.fs.conflicts()], [[], []]);
  const body = await next.store.get("big", {}, NEVER);
  const bytes = await body.read(new Uint8Array(size));
  assert.equal(new TextDecoder().decode(bytes.subarray(at - 1, at + 7)), "\x07EDITed\x07");
  assert.equal(body.info.metadata?.["own"], "kept");
  assert.deepEqual(await next.store.tags("big", NEVER), properties.tags);
  assert.equal(next.store.openUploads, 0);
  assert.deepEqual(next.journal.entries(), []);
  await volume.fs.close();
});

Deno.test("UploadRecords knows what object the parts of a file make, if it has them all", async () => {
  const rig = new Rig();
  const upload = begunUpload(await rig.begin("k"));
  await rig.records.begin("k", upload, "file");
  assert.equal(rig.records.expectedEtag("k", "file"), undefined);
  const { uploadId } = upload;
  const sent = await rig.store.uploadPart("k", uploadId, 1, new Uint8Array(5), NEVER);
  const part = { ...sent, range: { start: 0, end: 5 } };
  // Sent twice, as it had changed in between.
  await rig.records.addPart("k", { ...part, etag: `"${"0".repeat(32)}"` });
  await rig.records.addPart("k", part);
  const { etag } = await rig.store.completeMultipart("k", uploadId, [part], {}, NEVER);
  await rig.restart();
  assert.equal(rig.records.expectedEtag("k", "file"), etag);
  assert.equal(rig.records.expectedEtag("k", "another file"), undefined);
});
