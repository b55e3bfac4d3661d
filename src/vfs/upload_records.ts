/**
 * Multipart uploads in the journal: which are under way and which parts the server has, so that they
 * go on after a restart, or are removed when nobody wants them any more. Parts cost money until then.
 *
 * The journal knows of an upload before the server does. If the program ends before the server's answer
 * is noted, the key's uploads are listed at the next start, and those that were begun when ours was to
 * be are removed. Uploads to other keys, or of other times, are somebody else's.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { BegunUpload, UploadProgress } from "../content/uploader.ts";
import type { JournalEntry, JournalOp, VolumeJournal } from "../journal/journal.ts";
import { ProtocolError, SignedOutError, StoreError } from "../s3/errors.ts";
import { multipartEtag } from "../s3/multipart_etag.ts";
import { type DonePart, partsOfPlan } from "../s3/multipart_upload.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import type { PlannedPart } from "../s3/part_plan.ts";
import { uploadsBegun } from "../s3/uploads_begun.ts";

/** Kinds of journal entries: an upload by its key, a part by upload id and number. */
export const UPLOAD = "upload";
export const PART = "part";

/** The server has begun an upload that was announced within this time, with all repeats, or never. */
const BEGIN_MS = 120_000;

/** An upload is about to be begun, or was, and its id did not reach us. */
interface Announced {
  readonly announcedMs: number;
}

/** What is noted of an upload besides its parts. */
interface Noted extends BegunUpload {
  /** Name of the staging file that is uploaded. */
  readonly file: string;
}

interface Begun extends Noted {
  readonly done: DonePart[];
  /** It failed for good: to be removed. Known to this run only. */
  isUseless: boolean;
}

export interface UploadRecordsOptions {
  readonly journal: VolumeJournal;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Logger;
}

export class UploadRecords {
  readonly #options: UploadRecordsOptions;
  readonly #byKey = new Map<string, Announced | Begun>();

  constructor(options: UploadRecordsOptions) {
    this.#options = options;
  }

  /** Takes in what an earlier run has noted. */
  load(entries: readonly JournalEntry[]): void {
    const byId = new Map<string, Begun>();
    for (const { kind, key, value } of entries) {
      if (kind !== UPLOAD) continue;
      const noted = value as Announced | Noted;
      const record = "announcedMs" in noted ? noted : begun(noted);
      this.#byKey.set(key, record);
      if (isBegun(record)) byId.set(record.uploadId, record);
    }
    for (const { kind, key, value } of entries) {
      if (kind !== PART) continue;
      const part = value as DonePart & { readonly range?: DonePart["range"] };
      // Without a range it is of an older version of this program: it is sent again.
      if (part.range === undefined) continue;
      byId.get(key.slice(0, key.lastIndexOf("/")))?.done.push(part);
    }
  }

  /**
   * The upload to this key that was begun, not finished, and can be gone on with; `file` is the name of
   * the staging file that was sent.
   */
  get(key: string): (UploadProgress & { readonly file: string }) | undefined {
    const record = this.#byKey.get(key);
    return isBegun(record) && !record.isUseless ? record : undefined;
  }

  /** Those of which something may be on the server. */
  keys(): string[] {
    return [...this.#byKey.keys()];
  }

  /**
   * To be awaited before an upload is begun: removes what the server has of an earlier one, and resolves
   * when it is durable that there may be a new one.
   */
  async announce(key: string, signal: AbortSignal): Promise<void> {
    await this.remove(key, () => false, signal);
    const record = { announcedMs: this.#options.clock.nowMs() };
    this.#byKey.set(key, record);
    await this.#options.journal.commit([{ put: { kind: UPLOAD, key, value: record } }]);
  }

  /** Resolves when it is durable that there is such an upload, of the staging file of that name. */
  async begin(key: string, upload: BegunUpload, file: string): Promise<void> {
    const value = { ...upload, file };
    this.#byKey.set(key, begun(value));
    await this.#options.journal.commit([{ put: { kind: UPLOAD, key, value } }]);
  }

  /** Resolves when it is durable that the object of that upload is to be made of these parts. */
  async plan(key: string, parts: readonly PlannedPart[], file: string): Promise<void> {
    const record = this.#byKey.get(key);
    if (!isBegun(record)) return;
    const { done, isUseless, ...noted } = record;
    const value = { ...noted, parts, file };
    this.#byKey.set(key, { ...value, done, isUseless });
    await this.#options.journal.commit([{ put: { kind: UPLOAD, key, value } }]);
  }

  /**
   * Resolves when the journal has the part, or cannot have it. Losing the note costs no more than sending
   * the part again; but by all of them the object made of them can be told to be ours.
   */
  async addPart(key: string, part: DonePart): Promise<void> {
    const { journal, log } = this.#options;
    const record = this.#byKey.get(key);
    if (!isBegun(record)) return;
    const before = record.done.findIndex(({ partNumber }) => partNumber === part.partNumber);
    if (before >= 0) record.done.splice(before, 1);
    record.done.push(part);
    const entry = { kind: PART, key: partKey(record, part), value: part };
    try {
      await journal.commit([{ put: entry }]);
    } catch (error) {
      log.error("Cannot journal the progress of an upload of {key}: {error}", { key, error });
    }
  }

  /**
   * The ETag that the object has if the server has completed the upload of that staging file, without our
   * hearing of it; undefined when it cannot have been completed.
   */
  expectedEtag(key: string, file: string): string | undefined {
    const record = this.#byKey.get(key);
    if (!isBegun(record) || record.file !== file || record.parts.length === 0) return undefined;
    const done = partsOfPlan(record.done, record.parts);
    return done.size < record.parts.length ? undefined : multipartEtag([...done.values()]);
  }

  /** The upload failed in a way that going on with it would not mend. */
  giveUp(key: string): void {
    const record = this.#byKey.get(key);
    if (isBegun(record)) record.isUseless = true;
  }

  /** That upload is complete, or gone; returns what the journal is to be told of it. */
  end(key: string, uploadId: string): readonly JournalOp[] {
    const record = this.#byKey.get(key);
    return isBegun(record) && record.uploadId === uploadId ? this.#forget(key, record) : [];
  }

  /**
   * Removes from the server what it has of the upload to this key; `isWanted` is asked right before, and
   * calls it off. A failure that will not pass is logged, and the upload is forgotten.
   */
  async remove(key: string, isWanted: () => boolean, signal: AbortSignal): Promise<void> {
    const { store, log } = this.#options;
    const record = this.#byKey.get(key);
    if (record === undefined) return;
    try {
      const ids = isBegun(record) ? [record.uploadId] : await this.#find(key, record, signal);
      if (isWanted()) return;
      for (const id of ids) await store.abortMultipart(key, id, signal);
    } catch (error) {
      if (!(error instanceof StoreError) || mayPass(error)) throw error;
      log.warn("Cannot remove an unfinished upload of {key}: {error}", { key, error });
    }
    // Another one may have been begun meanwhile.
    if (this.#byKey.get(key) !== record) return;
    await this.#options.journal.commit(this.#forget(key, record));
  }

  #find(key: string, { announcedMs }: Announced, signal: AbortSignal): Promise<string[]> {
    const period = { fromMs: announcedMs, toMs: announcedMs + BEGIN_MS };
    return uploadsBegun(this.#options.store, key, period, signal);
  }

  #forget(key: string, record: Announced | Begun): JournalOp[] {
    this.#byKey.delete(key);
    const parts = isBegun(record) ? record.done.map((part) => partKey(record, part)) : [];
    return [
      { delete: { kind: UPLOAD, key } },
      ...parts.map((part) => ({ delete: { kind: PART, key: part } })),
    ];
  }
}

function begun(upload: Noted): Begun {
  return { ...upload, done: [], isUseless: false };
}

function isBegun(record: Announced | Begun | undefined): record is Begun {
  return record !== undefined && "uploadId" in record;
}

/** Answers that make no sense would not end: some servers cannot list keys with control characters. */
function mayPass(error: StoreError): boolean {
  return error instanceof SignedOutError || (error.retryable && !(error instanceof ProtocolError));
}

function partKey({ uploadId }: BegunUpload, { partNumber }: DonePart): string {
  return `${uploadId}/${partNumber}`;
}
