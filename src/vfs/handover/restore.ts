/**
 * Puts back what an earlier process has told of a mount (`SavedState`): inodes with their numbers, open
 * handles, what was written, and what S3 is still to be told. Where the journal has a record of which the
 * log never heard, that one counts as at any other start.
 */
import { Buffer } from "node:buffer";
import type { ObjectSource } from "../../cache/object_source.ts";
import type { StagingFile } from "../../content/staging_file.ts";
import type { JournalEntry, JournalOp } from "../../journal/journal.ts";
import { CHANGE, type FileRecord } from "../change_record.ts";
import type { HandleId, InodeNumber } from "../file_system.ts";
import type { DirectoryHandle, HandleTable } from "../handle_table.ts";
import { type DirectoryInode, type FileInode, type Inode, InodeSource } from "../inode.ts";
import { CONTENT } from "../journalled_contents.ts";
import type { OpenFiles } from "../open_files.ts";
import { RENAME } from "../undo_rename.ts";
import type { Volume } from "../volume.ts";
import type {
  SavedChange,
  SavedDirectory,
  SavedFile,
  SavedObject,
  SavedPlace,
  SavedState,
} from "./saved_state.ts";

/** The state cannot be used: the mount has to be made anew. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
}

/** Where open files and directories are put back. */
export interface OpenHandles {
  readonly files: OpenFiles;
  readonly directories: HandleTable<DirectoryHandle>;
}

/** Staged files as the journal knows them, by name. */
interface Journalled {
  readonly records: ReadonlyMap<string, NonNullable<FileRecord["staged"]>>;
  readonly contents: ReadonlyMap<string, Buffer>;
  /** The names of the staged files by the keys whose records name them. */
  readonly fileOf: ReadonlyMap<string, string>;
}

export class Restore {
  readonly #state: SavedState;
  readonly #volume: Volume;
  readonly #handles: OpenHandles;
  readonly #inUse = new Set<InodeNumber>();

  constructor(
    state: SavedState,
    volume: Volume,
    handles: OpenHandles,
  ) {
    this.#state = state;
    this.#volume = volume;
    this.#handles = handles;
    for (const { inode } of state.handles.values()) this.#inUse.add(inode);
    for (const { inode } of state.directoryHandles.values()) this.#inUse.add(inode);
    for (const change of state.changes.values()) {
      if (typeof change?.inode === "number") this.#inUse.add(change.inode);
    }
  }

  /** The staged files that are named. */
  get stagedNames(): string[] {
    return [...this.#state.inodes.values()].flatMap(({ file }) => file?.staged?.file ?? []);
  }

  /** The keys of which the journal must hear again. */
  get keys(): Iterable<string> {
    return this.#state.changes.keys();
  }

  /**
   * Returns what else the journal is to be told. Throws `RestoreError`, or what else stands in the way;
   * the volume must not be used then.
   */
  async run(entries: readonly JournalEntry[]): Promise<JournalOp[]> {
    const journalled = readJournalled(entries);
    this.#checkJournal(entries);
    this.#addDirectories();
    this.#addFiles(journalled);
    this.#addChanges();
    this.#addHandles();
    await this.#nameContents(journalled);
    this.#releaseUnused();
    return entries.flatMap(({ kind, key }) => {
      // It came to its end: only its note is left.
      const isDone = kind === RENAME && this.#volume.changes.get(key)?.wish.kind === "removal";
      return isDone ? [{ delete: { kind, key } }] : [];
    });
  }

  /** By the order of writing there is none. */
  #checkJournal(entries: readonly JournalEntry[]): void {
    for (const { kind, key } of entries) {
      if (kind === CHANGE && !this.#state.changes.has(key)) {
        throw new RestoreError(`The journal knows "${key}", and the hand-over log does not`);
      }
    }
  }

  #addDirectories(): void {
    const { inodes } = this.#volume;
    const restored: [DirectoryInode, SavedPlace][] = [];
    for (const [number, place] of this.#state.inodes) {
      if (!place.isDirectory || !this.#isWanted(number, place)) continue;
      const inode = inodes.restoreDirectory(number, place.name);
      inode.lookups = Math.max(0, place.lookups);
      if (place.directory !== undefined) fillDirectory(inode, place.directory);
      restored.push([inode, place]);
    }
    for (const [inode, place] of restored) {
      this.#place(inode, place.parent, place.directory?.isPlaced ?? true);
    }
  }

  /** Needed in itself, or to find what is below it. */
  #isWanted(number: InodeNumber, { parent, lookups, file, isDirectory }: SavedPlace): boolean {
    return lookups > 0 || (isDirectory && parent !== 0) || this.#inUse.has(number) ||
      isUnsaved(file);
  }

  #addFiles(journalled: Journalled): void {
    const { inodes } = this.#volume;
    for (const [number, place] of this.#state.inodes) {
      if (place.isDirectory || !this.#isWanted(number, place)) continue;
      const { file, lookups, name, parent } = place;
      if (file === undefined) {
        if (parent !== 0) inodes.addDormant(number, { parent, name, isDirectory: false, lookups });
        continue;
      }
      const inode = inodes.restoreFile(number, name);
      inode.lookups = Math.max(0, lookups);
      this.#place(inode, parent, file.isPlaced);
      this.#fillFile(inode, file, journalled);
    }
  }

  #place(inode: Inode, parentNumber: InodeNumber | 0, isPlaced: boolean): void {
    const { inodes } = this.#volume;
    const parent = parentNumber === 0 ? undefined : inodes.present(parentNumber);
    const isKnown = parent?.kind === "directory";
    // Every inode has had a place; of this one nobody asks where that was.
    inode.parent = isKnown ? parent : inodes.root;
    if (!isKnown) inode.unlinked = true;
    else if (isPlaced) inodes.place(inode, parent);
  }

  #fillFile(inode: FileInode, file: SavedFile, journalled: Journalled): void {
    const { options, orphans } = this.#volume;
    inode.source = file.source === null ? undefined : sourceOf(file.source, options.store);
    inode.lastModifiedMs = file.lastModifiedMs;
    inode.storageClass = file.storageClass ?? undefined;
    inode.kept = file.kept ?? undefined;
    inode.ctime = file.ctime ?? undefined;
    inode.unlinked ||= file.isUnlinked;
    inode.isBaseUnsure = file.isBaseUnsure;
    inode.served = file.isServed;
    if (file.attributesDirty) inode.setAttributes(file.attributes);
    else inode.learnAttributes(file.attributes);
    inode.hasChosenTime = file.hasChosenTime;
    if (file.hasPages) inode.openedSourceId = inode.source?.id;
    if (file.staged !== null) this.#fillStaged(inode, file.staged, journalled);
    if (inode.unlinked) orphans.add(inode);
  }

  #fillStaged(
    inode: FileInode,
    saved: NonNullable<SavedFile["staged"]>,
    { records }: Journalled,
  ): void {
    const { staging, store, clock } = this.#volume.options;
    const { source } = inode;
    const base = saved.base === null
      ? undefined
      : isSame(saved.base, source)
      ? source
      : sourceOf(saved.base, store);
    const promisedSize = records.get(saved.file)?.size ?? 0;
    const staged = staging.restore(saved.file, base, { ...saved, promisedSize });
    inode.staged = staged;
    inode.uploadedGeneration = saved.isClean ? staged.generation : undefined;
    inode.changedMs = clock.monotonicMs();
    if (saved.durable === "file") {
      inode.synced = { staged, state: staged.state, layout: staged.layout(), inJournal: false };
    }
  }

  #addChanges(): void {
    const { changes } = this.#volume;
    for (const [key, saved] of this.#state.changes) {
      if (saved === null) continue;
      const remote = saved.remote ?? undefined;
      const change = saved.wish === "removal"
        ? changes.restoreRemoval(key, remote, saved.uploadingSize ?? undefined)
        : changes.want(this.#wished(key, saved), remote);
      if (change.key !== key) {
        throw new RestoreError(`The change of "${key}" is of "${change.key}"`);
      }
      change.sinceMs = saved.sinceMs;
      change.sent = saved.sent;
      change.tried = true;
    }
  }

  #wished(key: string, { inode }: SavedChange): Inode {
    const wished = inode === null ? undefined : this.#volume.inodes.get(inode);
    const present = this.#volume.inodeAt(key);
    if (wished === undefined || wished !== present) {
      throw new RestoreError(`There is no inode for the change of "${key}"`);
    }
    return wished;
  }

  #addHandles(): void {
    const { inodes } = this.#volume;
    for (const [fh, { inode, flags }] of this.#state.handles) {
      this.#handles.files.restore(fh as HandleId, inodes.file(inode), {
        writable: (flags & 1) !== 0,
        creates: (flags & 2) !== 0,
        isRead: (flags & 4) !== 0,
      });
    }
    for (const [fh, { inode, names }] of this.#state.directoryHandles) {
      this.#handles.directories.restore(fh as HandleId, {
        inode: inodes.directory(inode),
        snapshot: undefined,
        toldTo: Math.max(0, ...[...names.keys()].slice(-1)),
        toldBefore: names,
      });
    }
  }

  /** Tells which of the bytes that the journal has are still those of the files. */
  async #nameContents({ contents, fileOf }: Journalled): Promise<void> {
    const { changes, options: { staging } } = this.#volume;
    for (const { key, wish } of [...changes.values()]) {
      if (wish.kind !== "file") continue;
      const { inode } = wish;
      const { staged } = inode;
      if (staged === undefined || !inode.dirty) continue;
      const name = staging.nameOf(staged);
      const content = contents.get(name);
      if (content !== undefined && fileOf.get(key) === name) {
        if (hasBytes(staged, content)) {
          changes.contents.restored(key, staged);
          const layout = staged.layout();
          inode.synced = { staged, state: staged.state, layout, inJournal: true };
        } else {
          changes.contents.restoredOlder(key, staged);
        }
      }
      // Closed: its bytes go to the journal with the commit that follows, as far as they are small.
      if (inode.synced === undefined && inode.handles === 0) await changes.sync(inode);
    }
  }

  #releaseUnused(): void {
    const { inodes } = this.#volume;
    for (const inode of [...inodes.values()]) inodes.release(inode);
  }
}

function readJournalled(entries: readonly JournalEntry[]): Journalled {
  const records = new Map<string, NonNullable<FileRecord["staged"]>>();
  const contents = new Map<string, Buffer>();
  const fileOf = new Map<string, string>();
  for (const { kind, key, value } of entries) {
    if (kind === CONTENT && typeof value === "string") {
      contents.set(key, Buffer.from(value, "base64"));
    }
    const staged = kind === CHANGE ? (value as Partial<FileRecord> | null)?.staged : undefined;
    if (staged === undefined) continue;
    records.set(staged.file, staged);
    fileOf.set(key, staged.file);
  }
  return { records, contents, fileOf };
}

function fillDirectory(inode: DirectoryInode, saved: SavedDirectory): void {
  inode.isNew = saved.isNew;
  inode.unlinked ||= saved.isUnlinked;
  inode.changed = saved.changed ?? undefined;
  inode.ctime = saved.ctime ?? undefined;
  if (saved.attributesDirty) inode.setAttributes(saved.attributes);
  else inode.learnAttributes(saved.attributes);
}

function sourceOf({ key, etag, size }: SavedObject, store: Volume["options"]["store"]) {
  return new InodeSource(store, key, etag, size);
}

function isSame(one: SavedObject, other: ObjectSource | undefined): boolean {
  return other !== undefined && one.key === other.key && one.etag === other.etag &&
    one.size === other.size;
}

/** What is here of it is nowhere else. */
function isUnsaved(file: SavedFile | undefined): boolean {
  return file?.staged?.isClean === false && !file.isUnlinked;
}

function hasBytes(staged: StagingFile, content: Buffer): boolean {
  if (!staged.complete || staged.size !== content.length) return false;
  const bytes = new Uint8Array(staged.size);
  staged.readPresent(bytes, 0);
  return Buffer.compare(bytes, content) === 0;
}
