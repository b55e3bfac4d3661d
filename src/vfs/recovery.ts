/**
 * At start: what an earlier run acknowledged and S3 does not have is put back where it was, so that
 * the mount shows the same files as before and the uploads go on. What cannot be used is set aside,
 * never deleted; what was never acknowledged is removed.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Deadline } from "../base/clock.ts";
import { messageOf } from "../base/message_of.ts";
import { DamagedStagingFileError } from "../content/staging_area.ts";
import type { JournalEntry, JournalOp } from "../journal/journal.ts";
import { CHANGE, type ChangeRecord, decodeRecord, type FileRecord } from "./change_record.ts";
import type { Change } from "./change.ts";
import { CONFLICT, type Conflict, type Conflicts } from "./conflicts.ts";
import { FsError } from "./file_system.ts";
import { type DirectoryInode, InodeSource } from "./inode.ts";
import { CONTENT } from "./journalled_contents.ts";
import type { LostAndFound } from "./lost_and_found.ts";
import type { OpenDirectories } from "./open_directories.ts";
import type { OpenFiles } from "./open_files.ts";
import { RENAME, type RenameIntent, undoRename } from "./undo_rename.ts";
import { type OpenHandles, Restore } from "./handover/restore.ts";
import type { SavedState } from "./handover/saved_state.ts";
import type { Volume } from "./volume.ts";

/** Bytes that the journal has, by the name of their staged file. */
type Contents = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/** S3 may be away: the mount does not wait longer than this for what it would be good to clean up. */
const UNDO_MS = 15_000;

export class Recovery {
  readonly #volume: Volume;
  readonly #conflicts: Conflicts;
  readonly #lostAndFound: LostAndFound;
  readonly #handles: OpenHandles;

  constructor(
    volume: Volume,
    conflicts: Conflicts,
    lostAndFound: LostAndFound,
    files: OpenFiles,
    directories: OpenDirectories,
  ) {
    this.#volume = volume;
    this.#conflicts = conflicts;
    this.#lostAndFound = lostAndFound;
    this.#handles = { files, directories: directories.handles };
  }

  /**
   * Reads the journal; to be awaited before anybody uses the file system. `saved`: what an earlier process
   * that served this mount has told; then that counts, where it says something.
   */
  async run(saved?: SavedState): Promise<void> {
    const entries = await this.#volume.options.journal.load();
    if (saved === undefined) await this.#begin(entries);
    else await this.#goOn(saved, entries);
    this.#volume.log?.rewrite();
  }

  async #begin(entries: readonly JournalEntry[]): Promise<void> {
    const { journal, log } = this.#volume.options;
    const stagedNames = new Set<string>();
    const unusable: JournalOp[] = [];
    const contents = this.#putBack(entries);
    for (const { kind, key, value } of entries) {
      if (kind === CONFLICT) this.#conflicts.load(value as Conflict);
      if (kind !== CHANGE) continue;
      try {
        const record = decodeRecord(value);
        this.#restore(key, record, contents);
        if (record.wish === "file" && record.staged !== undefined) {
          stagedNames.add(record.staged.file);
        }
      } catch (error) {
        this.#setAside(key, value, error);
        unusable.push({ delete: { kind: CHANGE, key } });
      }
    }
    this.#volume.uploads.load(entries);
    for (const change of this.#volume.changes.values()) this.#doubtBase(change);
    const isUnderstood = unusable.length === 0;
    const removed = this.#clearStaging(stagedNames, isUnderstood);
    for (const name of contents.keys()) {
      if (!stagedNames.has(name)) unusable.push({ delete: { kind: CONTENT, key: name } });
    }
    if (unusable.length > 0) await journal.commit(unusable);
    await this.#undoRenames(entries);
    const { changes, writeBack } = this.#volume;
    // Those of an undone renaming have their time already.
    for (const change of changes.values()) {
      if (change.dueMs === Infinity) writeBack.schedule(change);
    }
    if (changes.size > 0 || removed > 0) {
      log.info("{count} names of an earlier run go to S3; {removed} unfinished files removed", {
        count: changes.size,
        removed,
      });
    }
  }

  /** Goes on with a mount that is there. */
  async #goOn(saved: SavedState, entries: readonly JournalEntry[]): Promise<void> {
    const restore = new Restore(saved, this.#volume, this.#handles);
    const { changes, writeBack, uploads, options: { staging, log } } = this.#volume;
    const stagedNames = new Set(restore.stagedNames);
    for (const { kind, key, value } of entries) {
      if (kind === CONFLICT) this.#conflicts.load(value as Conflict);
      if (kind === CHANGE) { for (const name of stagedNamesOf(value)) stagedNames.add(name); }
      if (kind === CONTENT) stagedNames.add(key);
    }
    uploads.load(entries);
    const also = await restore.run(entries);
    for (const change of changes.values()) this.#doubtBase(change);
    await changes.commit(restore.keys, also);
    // Those that journal and log do not know were never acknowledged: left by a write that broke off.
    for (const path of staging.unknownFiles(stagedNames)) Deno.removeSync(path);
    await this.#undoRenames(
      entries.filter(({ kind, key }) =>
        kind === RENAME && changes.get(key)?.wish.kind !== "removal"
      ),
    );
    for (const change of changes.values()) {
      if (change.wish.kind === "file" && change.wish.inode.handles > 0) continue;
      if (change.dueMs === Infinity) writeBack.schedule(change);
    }
    log.info("Went on with the mount: {count} names wait for S3", { count: changes.size });
  }

  /** Writes the staged files anew whose bytes the journal has; returns those, by name. */
  #putBack(entries: readonly JournalEntry[]): Contents {
    const { staging } = this.#volume.options;
    const contents = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const { kind, key, value } of entries) {
      if (kind !== CONTENT || typeof value !== "string") continue;
      const bytes = new Uint8Array(Buffer.from(value, "base64"));
      staging.putBack(key, bytes);
      contents.set(key, bytes);
    }
    return contents;
  }

  #restore(key: string, record: ChangeRecord, contents: Contents): void {
    const { changes } = this.#volume;
    const remote = record.remote ?? undefined;
    let change: Change | undefined;
    if (record.wish === "removal") {
      change = changes.restoreRemoval(key, remote, record.uploadingSize);
    } else if (record.wish === "directory") {
      const inode = this.#directory(key);
      inode.setAttributes(record.attributes);
      change = changes.want(inode, remote);
    } else {
      change = this.#restoreFile(key, record, remote, contents);
    }
    change.sinceMs = record.sinceMs;
    change.tried = true;
    change.sent = [...(record.sent ?? []), ...sentOf(record, contents)];
  }

  #restoreFile(
    key: string,
    record: FileRecord,
    remote: string | undefined,
    contents: Contents,
  ): Change {
    const { changes, inodes, options: { staging, store } } = this.#volume;
    const source = record.source === undefined
      ? undefined
      : new InodeSource(store, record.source.key, record.source.etag, record.source.size);
    const inJournal = record.staged?.inJournal === true;
    if (inJournal && !contents.has(record.staged.file)) {
      throw new DamagedStagingFileError(`The journal has lost what was written to "${key}"`);
    }
    // Before anything of it can be seen: it may be damaged.
    const staged = record.staged === undefined
      ? undefined
      : staging.restore(record.staged.file, source, record.staged);
    const split = key.lastIndexOf("/") + 1;
    const parent = this.#directory(key.slice(0, split));
    const name = key.slice(split);
    if (parent.children.has(name)) throw new FsError("EEXIST", `"${key}" is taken`);
    const inode = inodes.addFile(parent, name);
    inode.source = source;
    inode.lastModifiedMs = record.lastModifiedMs;
    inode.storageClass = record.storageClass;
    inode.kept = record.kept;
    // It is not known: it may have been.
    inode.hasChosenTime = true;
    if (record.attributesDirty) inode.setAttributes(record.attributes);
    else inode.learnAttributes(record.attributes);
    if (staged !== undefined) {
      inode.staged = staged;
      inode.synced = { staged, state: staged.state, layout: staged.layout(), inJournal };
      if (inJournal) changes.contents.restored(key, staged);
    }
    return changes.want(inode, remote);
  }

  /** What was sent and not heard of may have become the object that the rest of the file is read from. */
  #doubtBase({ key, wish, sent }: Change): void {
    const { uploads, options: { staging } } = this.#volume;
    if (wish.kind !== "file") return;
    const { inode } = wish;
    const { staged } = inode;
    if (staged === undefined || staged.complete) return;
    inode.isBaseUnsure = sent.length > 0 ||
      uploads.expectedEtag(key, staging.nameOf(staged)) !== undefined;
  }

  /** The directory inode of a prefix, made if it is not in memory. */
  #directory(prefix: string): DirectoryInode {
    const { inodes } = this.#volume;
    let directory = inodes.root;
    for (const name of prefix.split("/")) {
      if (name === "") continue;
      const child = directory.children.get(name) ?? inodes.addDirectory(directory, name);
      if (child.kind === "file") throw new FsError("ENOTDIR", `"${child.key}" is a file`);
      directory = child;
    }
    return directory;
  }

  #setAside(key: string, value: unknown, error: unknown): void {
    const { staging, log } = this.#volume.options;
    const file = (value as { staged?: { file?: unknown } } | null)?.staged?.file;
    const path = typeof file === "string" ? staging.pathOf(file) : undefined;
    const message = messageOf(error);
    const why = `What was written to "${key}" could not be brought to S3: ${message}`;
    this.#lostAndFound.keepRecord(key, value, path, why);
    // It may be in S3 all the same, where no listing of before knows it.
    this.#volume.options.listings.expire(key.slice(0, key.lastIndexOf("/", key.length - 2) + 1));
    log.error("{why}", { why });
  }

  /**
   * What the journal does not know was never acknowledged, if the journal is whole and all of it was
   * understood. Otherwise it may have been. Returns how many files were deleted.
   */
  #clearStaging(known: ReadonlySet<string>, isUnderstood: boolean): number {
    const { staging, journalIsTrusted } = this.#volume.options;
    let removed = 0;
    for (const path of staging.unknownFiles(known)) {
      if (journalIsTrusted && isUnderstood) {
        Deno.removeSync(path);
        removed++;
      } else {
        const why = "The journal is damaged or new and does not say what was written to this file";
        this.#lostAndFound.keepRecord("", null, path, why);
      }
    }
    return removed;
  }

  /** What cannot be undone now, never is: what is below the new name later may be somebody's work. */
  async #undoRenames(entries: readonly JournalEntry[]): Promise<void> {
    const { journal, log } = this.#volume.options;
    for (const { kind, key, value } of entries) {
      if (kind !== RENAME) continue;
      const intent = value as RenameIntent;
      using deadline = new Deadline(this.#volume.closing.signal, UNDO_MS);
      try {
        await undoRename(this.#volume, key, intent, deadline.signal);
      } catch (error) {
        const why = `A renaming of "${key}" was interrupted, and S3 was away at the next start: ` +
          `below "${intent.to}" there may be copies of what is below "${key}"`;
        this.#lostAndFound.keepRecord(key, intent, undefined, why);
        log.warn("{why}: {error}", { why, error });
        await journal.commit([{ delete: { kind: RENAME, key } }]);
      }
    }
  }
}

function stagedNamesOf(record: unknown): string[] {
  const file = (record as { staged?: { file?: unknown } } | null)?.staged?.file;
  return typeof file === "string" ? [file] : [];
}

/** What may have been sent of a content in the journal, without a note: nobody else made an object of it. */
function sentOf(record: ChangeRecord, contents: Contents): string[] {
  const bytes = record.wish === "file" && record.staged?.inJournal === true
    ? contents.get(record.staged.file)
    : undefined;
  return bytes === undefined ? [] : [`"${createHash("md5").update(bytes).digest("hex")}"`];
}
