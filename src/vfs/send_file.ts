/**
 * Makes the object of a file's key what the file is: uploads its content, or has the server copy the
 * object that has it (after a rename; or onto itself, with other attributes). Every write is
 * conditional on what the key held when the file was changed, so nobody else's version is replaced.
 */
import { timespecOfMs } from "../base/posix.ts";
import { encodePosixMetadata } from "../listings/posix_metadata.ts";
import type { StagingFile } from "../content/staging_file.ts";
import { FileChangedError, keepsParts } from "../content/uploader.ts";
import type { JournalOp } from "../journal/journal.ts";
import { NotFoundError, PreconditionFailedError } from "../s3/errors.ts";
import { headIfPresent } from "../s3/head_if_present.ts";
import type { WriteCondition } from "../s3/object_store.ts";
import { copyObject } from "../s3/server_copy.ts";
import { BaseReader } from "./base_reader.ts";
import type { Change } from "./change.ts";
import type { Conflicts } from "./conflicts.ts";
import type { FileContent } from "./file_content.ts";
import { type FileInode, InodeSource } from "./inode.ts";
import { objectProperties } from "./object_properties.ts";
import type { Volume } from "./volume.ts";

/** A file that changes all the time is uploaded at last as it is: the next upload brings the rest. */
const RESTARTS_MAX = 5;
/**
 * Attempts without an answer of which the results are recognised: the first ones and the last ones, for
 * what was sent in the middle of a long outage has arrived nowhere.
 */
const SENT_MAX = 16;
/** Another writer again and again in between: then the usual pause. */
const REFUSALS_MAX = 5;

export class SendFile {
  readonly #volume: Volume;
  readonly #content: FileContent;
  readonly #conflicts: Conflicts;

  constructor(volume: Volume, content: FileContent, conflicts: Conflicts) {
    this.#volume = volume;
    this.#content = content;
    this.#conflicts = conflicts;
  }

  /** Carries out a change whose wish is a file; throws why it could not. */
  async send(change: Change, inode: FileInode, signal: AbortSignal): Promise<void> {
    // Renamed while this one waited for its turn: one upload of a file at a time.
    if (inode.uploading) return;
    // Until the journal knows that it is copied, the original is not deleted.
    using _hold = this.#volume.changes.hold(change);
    inode.uploading = true;
    let ended: readonly JournalOp[] = [];
    try {
      for (let refusals = 0;; refusals++) {
        try {
          ended = await this.#sendOnce(change, inode, signal);
          break;
        } catch (error) {
          if (error instanceof FileChangedError) {
            change.restarts++;
            break;
          }
          const refused = error instanceof PreconditionFailedError ||
            error instanceof NotFoundError;
          if (!refused || refusals === REFUSALS_MAX) throw error;
          if (!await this.#conflicts.resolve(change, inode, error, signal)) break;
        }
      }
    } catch (error) {
      inode.uploading = false;
      // It may have lost its name meanwhile, and nobody else looks after it.
      this.#content.discardIfUnused(inode);
      throw error;
    }
    inode.uploading = false;
    await this.#finish(change, inode, ended);
  }

  /** Returns what the journal is to be told besides. */
  async #sendOnce(
    change: Change,
    inode: FileInode,
    signal: AbortSignal,
  ): Promise<readonly JournalOp[]> {
    // Who has an older file of this name open goes on reading it.
    await this.#content.keepOrphans(change.key, signal);
    if (inode.dirty) return await this.#upload(change, inode, signal);
    if (inode.moved || inode.attributesDirty) await this.#copy(change, inode, signal);
    return [];
  }

  async #upload(
    change: Change,
    inode: FileInode,
    signal: AbortSignal,
  ): Promise<readonly JournalOp[]> {
    const { store, staging, uploader, blocks, readers } = this.#volume.options;
    const { uploads } = this.#volume;
    const { key } = change;
    await this.#volume.eager.finish(key);
    const staged = inode.staged;
    // Made to stand for another object meanwhile, which is to be copied.
    if (staged === undefined) return [];
    await this.#recognise(change, inode, signal);
    const before = inode.source;
    // The journal does not tell its attributes after a restart.
    if (inode.synced?.staged !== staged) this.#expect(key);
    const { generation } = staged;
    const resume = uploads.get(key);
    const withTime = resume?.partBytes === undefined || inode.hasChosenTime;
    using base = new BaseReader(before, readers.open());
    /** What the object is to say besides its bytes. */
    const says = async () => {
      const kept = await this.#content.keptOf(inode, change, signal, await base.info());
      const { attributesRevision } = inode;
      const properties = objectProperties(inode, kept, this.#volume.options, withTime);
      return { kept, attributesRevision, properties };
    };
    let said: Awaited<ReturnType<typeof says>> | undefined;
    let uploaded;
    try {
      uploaded = await uploader.upload({
        staged,
        key,
        options: async () => {
          said = await says();
          return { ...said.properties, ...conditionOf(change) };
        },
        readBase: base.read,
        onComplete: () => this.#volume.changes.save(inode),
        beforePut: (etag) => this.#noteSent(change, etag, staged),
        isStale: () => this.#isStale(change, inode, generation),
        ...(resume === undefined ? {} : { resume }),
        onPlanned: (parts) => uploads.plan(key, parts, staging.nameOf(staged)),
        beforeCreate: () => uploads.announce(key, signal),
        onCreated: (upload) => uploads.begin(key, upload, staging.nameOf(staged)),
        onPart: (part) => uploads.addPart(key, part),
      }, signal);
    } catch (error) {
      if (!signal.aborted && !keepsParts(error)) uploads.giveUp(key);
      throw error;
    }
    const { kept, attributesRevision, properties } = said!;
    const ended = uploaded.uploadId === undefined ? [] : uploads.end(key, uploaded.uploadId);
    this.#enter(change, inode, uploaded.etag);
    // Meanwhile it was made to stand for another object.
    if (inode.staged === undefined) return ended;
    const source = new InodeSource(store, key, uploaded.etag, uploaded.size);
    staged.rebase(source);
    inode.source = source;
    inode.uploadedGeneration = this.#wouldWait(inode) ? undefined : generation;
    if (uploaded.hasProperties) inode.attributesSaved(attributesRevision);
    // Set again, to be sent by a copy.
    else inode.setAttributes(inode.attributes);
    inode.storageClass = properties.storageClass;
    inode.kept = kept;
    // What the kernel has of the file is what was uploaded: it need not read it again.
    if (!inode.dirty) inode.openedSourceId = source.id;
    if (before !== undefined) blocks.drop(before);
    return ended;
  }

  #expect(key: string): void {
    const split = key.lastIndexOf("/") + 1;
    this.#volume.options.attributes.expect(key.slice(0, split), key.slice(split));
  }

  /** True when a renamed file cannot be copied from where it was uploaded: it goes up again from here. */
  #wouldWait({ key, source, staged, moved }: FileInode): boolean {
    if (key === undefined || !moved || staged?.complete !== true) return false;
    return this.#volume.changes.makesCircle(key, source!.key);
  }

  /**
   * If an earlier attempt has succeeded without our hearing of it, its object is what the file is over
   * now and what is to be replaced: the version that it was over before is gone.
   */
  async #recognise(change: Change, inode: FileInode, signal: AbortSignal): Promise<void> {
    const { changes, uploads, options: { store, staging } } = this.#volume;
    const staged = inode.staged!;
    const expected = uploads.expectedEtag(change.key, staging.nameOf(staged));
    if (expected === undefined) return;
    const info = await headIfPresent(store, change.key, signal);
    const inheritedEnd = staged.inherited().at(-1)?.end ?? 0;
    if (info?.etag !== expected || info.size < inheritedEnd) return;
    inode.source = new InodeSource(store, change.key, info.etag, info.size);
    inode.kept = undefined;
    staged.rebase(inode.source);
    change.remote = info.etag;
    changes.noteSource(change);
    await changes.commit([change.key]);
  }

  async #copy(change: Change, inode: FileInode, signal: AbortSignal): Promise<void> {
    const { store } = this.#volume.options;
    const { key } = change;
    const source = inode.source!;
    const { attributesDirty, attributesRevision, storageClass, moved } = inode;
    const kept = attributesDirty ? await this.#content.keptOf(inode, change, signal) : undefined;
    // The copy's own LastModified is now; neither rename(2) nor chmod(2) changes the mtime.
    const mtime = timespecOfMs(inode.lastModifiedMs);
    if (moved) await this.#noteSent(change, source.etag);
    const copied = await copyObject(store, source, key, {
      ...(kept === undefined ? {} : {
        replace: {
          metadata: encodePosixMetadata({ mtime, ...inode.attributes }, kept.metadata),
          contentType: kept.contentType,
        },
      }),
      ...(storageClass === undefined ? {} : { storageClass }),
      // A copy onto itself has its condition in the source.
      ...(moved ? conditionOf(change) : {}),
    }, signal);
    inode.learnAttributes({ mtime, ...inode.attributes });
    source.key = key;
    source.etag = copied.etag;
    inode.attributesSaved(attributesRevision);
    this.#enter(change, inode, copied.etag);
  }

  /**
   * If the answer is lost, with or without this program, what is found there then is not somebody else's.
   * `staged` is what is sent: if the journal has its bytes, these tell the next start the ETag.
   */
  async #noteSent(change: Change, etag: string, staged?: StagingFile): Promise<void> {
    const { changes, log } = this.#volume;
    const sent = change.sent.filter((one) => one !== etag);
    if (sent.length === SENT_MAX) sent.splice(SENT_MAX / 2, 1);
    change.sent = [...sent, etag];
    if (staged !== undefined && changes.contents.isStored(staged, staged.state)) {
      log?.changed(change.key);
      return log?.flush();
    }
    await changes.commit([change.key]);
  }

  /** Notes what the key has now. */
  #enter(change: Change, inode: FileInode, etag: string): void {
    const { clock } = this.#volume.options;
    change.remote = etag;
    change.sent = [];
    inode.lastModifiedMs = clock.nowMs();
    // Removed or renamed meanwhile: then the wishes for the keys say what is there to be seen.
    if (inode.key !== change.key) return;
    this.#volume.leaveNew(inode.parent);
  }

  /** Ends the change if nothing is left to do, and notes in any case how it stands, with `also`. */
  async #finish(change: Change, inode: FileInode, also: readonly JournalOp[]): Promise<void> {
    const { changes, uploads, options } = this.#volume;
    const present = changes.of(inode);
    // It may have lost its name, and then has no change by which it is noted.
    this.#volume.log?.touched(inode);
    if (present !== undefined) changes.noteSource(present);
    const done = !inode.dirty && !inode.moved && !inode.attributesDirty;
    if (present === change && done) {
      const { prefix } = inode.parent!;
      options.attributes.remember(prefix, inode.name, inode.source!.etag, inode.attributes);
      options.listings.set(prefix, inode.name, inode.listed());
      this.#volume.showDirectory(inode.parent!);
      changes.settle(change);
    }
    // Not wanted under this name any more.
    if (present !== change) {
      await uploads.remove(change.key, () => false, this.#volume.closing.signal);
    }
    // Renamed meanwhile: where its bytes are now has to be known before the old object may go.
    await changes.commit(
      present === undefined ? [change.key] : [change.key, present.key],
      also,
    );
    changes.discardRetired(inode);
    this.#content.discardIfUnused(inode);
  }

  #isStale(change: Change, inode: FileInode, generation: number): boolean {
    if (change.wish.kind !== "file" || change.wish.inode !== inode) return true;
    return inode.staged?.generation !== generation && change.restarts < RESTARTS_MAX;
  }
}

function conditionOf(change: Change): WriteCondition {
  return change.remote === undefined ? { ifNoneMatch: "*" } : { ifMatch: change.remote };
}
