/**
 * Large files go up while they are being written: each part as soon as all of it is there, so that at
 * the end only the last ones are left. What is sent is an unfinished multipart upload like any other
 * (upload_records.ts): `SendFile` goes on with it, sends what was changed since once more, and makes the
 * object. Nothing here is promised to anybody, and what goes wrong is left to `SendFile`.
 *
 * An object's mtime is settled when its upload begins, which is before the last write; so it gets none,
 * unless somebody sets one (object_properties.ts).
 */
import type { ByteRange } from "../base/byte_range.ts";
import type { StagingFile } from "../content/staging_file.ts";
import { SMALL_PART_BYTES } from "../s3/part_plan.ts";
import type { EagerSender } from "./change.ts";
import type { FileContent } from "./file_content.ts";
import type { FileInode } from "./inode.ts";
import { objectProperties } from "./object_properties.ts";
import type { Volume } from "./volume.ts";

const PART_BYTES = SMALL_PART_BYTES;
/** From this size on, where somebody will wait until the object is there. */
const WAITED_FOR_MIN = 16 * 2 ** 20;
/** Elsewhere: a file that is soon removed, or renamed, was sent in vain. */
const OTHERS_MIN = 64 * 2 ** 20;
/** The rest waits for the end: a file that becomes larger than 10,000 such parts is sent anew. */
const EAGER_BYTES_MAX = 16 * 2 ** 30;
/** Who goes back so often to what was sent already does not write from the first byte to the last. */
const REWRITES_MAX = 4;
/** Names under which a file is written that is then to be renamed: its parts could not come along. */
const TEMPORARY_NAME = /^\.|~$|\.(?:part|partial|tmp|temp|crdownload|download|swp|lock)$|^tmp/i;

/** The work on one file under one name. */
class Run {
  readonly key: string;
  readonly inode: FileInode;
  readonly staged: StagingFile;
  uploadId: string | undefined;
  beginning: Promise<void> | undefined;
  /** Index of the next part to look at. */
  next = 0;
  readonly sending = new Set<Promise<void>>();
  /** Resolves when the journal has all parts that were sent; the next ones do not wait for it. */
  noted: Promise<unknown> = Promise.resolve();
  rewrites = 0;
  /** The file, which is so long, is about to be sent as a whole: what is written now is not for this one. */
  endBytes = Infinity;
  isOver = false;

  constructor(key: string, inode: FileInode, staged: StagingFile) {
    this.key = key;
    this.inode = inode;
    this.staged = staged;
  }
}

export class EagerUploads implements EagerSender {
  readonly #volume: Volume;
  readonly #content: FileContent;
  readonly #minBytes: number;
  readonly #isWaitedFor: boolean;
  readonly #runs = new Map<string, Run>();

  constructor(volume: Volume, content: FileContent) {
    this.#volume = volume;
    this.#content = content;
    const { durability, fsync } = volume.options;
    this.#isWaitedFor = durability === "remote" || fsync === "remote";
    this.#minBytes = this.#isWaitedFor ? WAITED_FOR_MIN : OTHERS_MIN;
  }

  wrote(inode: FileInode, offset: number): void {
    const { staged, key } = inode;
    if (staged === undefined || staged.size < this.#minBytes || key === undefined) return;
    let run = this.#runs.get(key);
    if (run === undefined) {
      if (!this.#suits(inode, staged)) return;
      run = new Run(key, inode, staged);
      this.#runs.set(key, run);
    }
    if (run.staged !== staged) return;
    if (offset < run.next * PART_BYTES && ++run.rewrites > REWRITES_MAX) run.isOver = true;
    this.#pump(run);
  }

  async finish(key: string): Promise<void> {
    const run = this.#runs.get(key);
    if (run === undefined) return;
    run.endBytes = run.staged.size;
    await run.beginning;
    this.#pump(run);
    await this.#ended(run);
    this.#runs.delete(key);
    this.#dropBuffers();
  }

  tidy(): void {
    for (const run of this.#runs.values()) {
      if (!isCurrent(run) && run.sending.size === 0) this.#runs.delete(run.key);
    }
    this.#dropBuffers();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#runs.values()].map((run) => this.#ended(run)));
    this.#dropBuffers();
  }

  #dropBuffers(): void {
    const isIdle = [...this.#runs.values()].every(({ sending }) => sending.size === 0);
    if (isIdle) this.#volume.options.uploader.dropBuffers();
  }

  async #ended(run: Run): Promise<void> {
    await run.beginning;
    // The end of a part is the beginning of the next one.
    while (run.sending.size > 0) await Promise.all(run.sending);
    await run.noted;
  }

  #suits({ name, source, uploading, isSymlink }: FileInode, { base }: StagingFile): boolean {
    // Over an object, most may be as there: that is copied, not sent.
    if (base !== undefined || uploading || isSymlink) return false;
    return this.#isWaitedFor || (source === undefined && !TEMPORARY_NAME.test(name));
  }

  #pump(run: Run): void {
    if (run.isOver || !isCurrent(run) || this.#volume.closing.signal.aborted) return;
    if (run.uploadId === undefined) {
      run.beginning ??= this.#begin(run).catch((error: unknown) => this.#giveUp(run, error));
      return;
    }
    const { partsAtOnce } = this.#volume.options.uploader;
    const endBytes = Math.min(run.staged.size, run.endBytes);
    while (run.sending.size < partsAtOnce && (run.next + 1) * PART_BYTES <= endBytes) {
      if (run.next * PART_BYTES >= EAGER_BYTES_MAX) return;
      const index = run.next++;
      const range = { start: index * PART_BYTES, end: (index + 1) * PART_BYTES };
      // A hole may be filled later.
      if (!run.staged.has(range)) continue;
      const sending = this.#send(run, run.uploadId, index + 1, range)
        .catch((error: unknown) => this.#giveUp(run, error))
        .then(() => {
          run.sending.delete(sending);
          this.#pump(run);
        });
      run.sending.add(sending);
    }
  }

  /** Begins an upload, or goes on with the one of this very file. */
  async #begin(run: Run): Promise<void> {
    const { changes, uploads, closing: { signal }, options } = this.#volume;
    const { key, inode, staged } = run;
    const file = options.staging.nameOf(staged);
    const present = uploads.get(key);
    if (present?.file === file) {
      // Begun when the file's size was known: to be gone on with when it is known again.
      if (present.partBytes !== PART_BYTES) return void (run.isOver = true);
      run.uploadId = present.uploadId;
      run.next = present.done.reduce((last, part) => Math.max(last, part.partNumber), 0);
    } else {
      const kept = await this.#content.keptOf(inode, changes.of(inode), signal);
      const properties = objectProperties(inode, kept, options, false);
      await uploads.announce(key, signal);
      const uploadId = await options.store.createMultipart(key, properties, signal);
      await uploads.begin(key, { uploadId, parts: [], partBytes: PART_BYTES, properties }, file);
      run.uploadId = uploadId;
    }
    this.#pump(run);
  }

  async #send(run: Run, uploadId: string, partNumber: number, range: ByteRange): Promise<void> {
    const { uploads, closing: { signal }, options: { uploader, lanes } } = this.#volume;
    const release = await lanes.eagerParts.acquire(signal);
    try {
      // What is over by now was not begun.
      if (run.isOver || !isCurrent(run)) return;
      const upload = { key: run.key, uploadId };
      const part = await uploader.sendPart(run.staged, upload, partNumber, range, signal);
      run.noted = Promise.all([run.noted, uploads.addPart(run.key, part)]);
    } finally {
      release();
    }
  }

  #giveUp(run: Run, error: unknown): void {
    run.isOver = true;
    const { key } = run;
    this.#volume.options.log.debug("Parts of {key} go up when it is closed: {error}", {
      key,
      error,
    });
  }
}

/** False when the file has another name or content by now, or is being sent as a whole. */
function isCurrent({ key, inode, staged, endBytes }: Run): boolean {
  const isItsTurn = !inode.uploading || endBytes < Infinity;
  return inode.key === key && inode.staged === staged && isItsTurn;
}
