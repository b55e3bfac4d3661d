/**
 * Notes what the kernel and programs were told, so that another process can go on with the mount when
 * this one ends, however it ends: see DECISIONS.md. What happens is noted when it happens; what an inode
 * or a change has become, once for all that happened to it, when the notes are written: before each reply
 * to the kernel and before each commit of the journal. So nobody has heard of anything that the log does
 * not have, and the journal knows no change that the log does not know.
 */
import type { Logger } from "../../base/log.ts";
import type { StagingArea } from "../../content/staging_area.ts";
import type { StagingFile } from "../../content/staging_file.ts";
import type { ObjectSource } from "../../cache/object_source.ts";
import type { Change } from "../change.ts";
import type { HandleId, InodeNumber } from "../file_system.ts";
import { type DirectoryHandle, type FileHandle, toldNames } from "../handle_table.ts";
import type { DirectoryInode, FileInode, Inode } from "../inode.ts";
import type { Dormant } from "../inode_table.ts";
import type { LogFile } from "./log_file.ts";
import { RecordBuffer } from "./record_buffer.ts";
import {
  RecordType,
  type SavedChange,
  type SavedDirectory,
  type SavedFile,
  type SavedObject,
  type SavedStaged,
} from "./saved_state.ts";

/** From this length on the log is written anew, with what still counts; and when it is so many times as long again. */
const REWRITE_BYTES_MIN = 4 << 20;
const REWRITE_FACTOR = 2;
/** Written at once of a log that is written anew. */
const SPILL_BYTES = 256 << 10;

/** All that the log tells of. */
export interface StateSource {
  readonly inodes: {
    readonly root: DirectoryInode;
    values(): Iterable<Inode>;
    present(number: InodeNumber): Inode | undefined;
    dormant(): Iterable<readonly [InodeNumber, Dormant]>;
  };
  readonly changes: {
    get(key: string): Change | undefined;
    values(): Iterable<Change>;
  };
  readonly handles: { entries(): Iterable<readonly [HandleId, FileHandle]> };
  readonly directoryHandles: { entries(): Iterable<readonly [HandleId, DirectoryHandle]> };
}

export interface StateLogOptions {
  readonly file: LogFile;
  readonly staging: StagingArea;
  readonly log: Logger;
  /** The log cannot be written any more, and must not be used by anybody. */
  readonly onBroken: () => void;
  /** What `setAbout` has said to an earlier process. */
  readonly about?: string | undefined;
}

export class StateLog {
  readonly #options: StateLogOptions;
  readonly #buffer = new RecordBuffer();
  readonly #touched = new Set<Inode>();
  readonly #keys = new Set<string>();
  /** Keys without a change of which the journal may still have a record. */
  readonly #dropped = new Set<string>();
  #about: string | undefined;
  #source: StateSource | undefined;
  #rewriteAt = REWRITE_BYTES_MIN;
  #isBroken = false;

  constructor(options: StateLogOptions) {
    this.#options = options;
    this.#about = options.about;
    options.staging.keepOnDisk();
  }

  /** To be called before anything is noted. */
  attach(
    { inodes, changes }: Pick<StateSource, "inodes" | "changes">,
    handles: StateSource["handles"],
    directoryHandles: StateSource["directoryHandles"],
  ): void {
    this.#source = { inodes, changes, handles, directoryHandles };
    inodes.root.isNoted = true;
  }

  /** What is mounted and agreed, for `SavedState.about`. */
  setAbout(about: string): void {
    this.#about = about;
    this.#buffer.begin(RecordType.ABOUT).text(about).end();
    this.flush();
  }

  /** The kernel gets the inode once more, which is counted already. */
  given(inode: Inode): void {
    if (inode.isNoted) this.#buffer.begin(RecordType.GIVEN).number(inode.number).end();
    else this.#place(inode);
  }

  /** The kernel gets a file that is asleep; by now it knows it so often. */
  placed(number: InodeNumber, directory: DirectoryInode, name: string, lookups: number): void {
    if (!directory.isNoted) this.#inode(directory);
    this.#writePlace(number, directory.number, name, false, lookups);
  }

  forgot(number: InodeNumber, count: number): void {
    this.#buffer.begin(RecordType.FORGOT).number(number).number(count).end();
  }

  /** Something about the inode has changed. */
  touched(inode: Inode): void {
    this.#touched.add(inode);
  }

  /** Bytes were written to the inode's staged file, and nothing else has changed but the time. */
  wrote(inode: FileInode, offset: number, length: number): void {
    if (this.#touched.has(inode)) return;
    const { sec, nsec } = inode.attributes.mtime!;
    this.#buffer.begin(RecordType.WROTE).number(inode.number).number(offset).number(length)
      .number(sec * 1000 + nsec / 1e6).end();
  }

  /** The change under the key is another one, or has changed. */
  changed(key: string): void {
    this.#keys.add(key);
  }

  /** The journal has what the log has of these keys. */
  committed(keys: Iterable<string>): void {
    for (const key of keys) this.#dropped.delete(key);
  }

  opened(fh: HandleId, handle: FileHandle): void {
    this.#opened(fh, handle);
    this.touched(handle.inode);
  }

  closed(fh: HandleId, inode: FileInode): void {
    this.#buffer.begin(RecordType.CLOSED).number(fh).end();
    this.touched(inode);
  }

  /** Also when its reader begins anew: what was told before does not count any more. */
  openedDirectory(fh: HandleId, { inode }: DirectoryHandle): void {
    this.#buffer.begin(RecordType.OPENED_DIRECTORY).number(fh).number(inode.number).end();
  }

  /** A name of a directory is told to its reader. */
  named(fh: HandleId, cookie: number, name: string): void {
    this.#buffer.begin(RecordType.NAMED).number(fh).number(cookie).text(name).end();
  }

  closedDirectory(fh: HandleId): void {
    this.#buffer.begin(RecordType.CLOSED_DIRECTORY).number(fh).end();
  }

  /** Writes what was noted. Never throws: without the log the mount goes on, but ends with the process. */
  flush(): void {
    if (this.#buffer.length === 0 && this.#touched.size === 0 && this.#keys.size === 0) return;
    if (this.#isBroken) return this.#clear();
    try {
      for (const key of this.#keys) this.#change(key);
      for (const inode of this.#touched) this.#present(inode);
      this.#options.file.append(this.#buffer.bytes);
      this.#clear();
      if (this.#options.file.length > this.#rewriteAt) this.rewrite();
    } catch (error) {
      this.#break(error);
    }
  }

  /** Writes everything anew. */
  rewrite(): void {
    if (this.#isBroken || this.#source === undefined) return;
    const { changes } = this.#source;
    for (const key of this.#keys) if (changes.get(key) === undefined) this.#dropped.add(key);
    this.#clear();
    const { file } = this.#options;
    const before = file.length;
    try {
      this.#writeAll(this.#source);
      this.#spill();
      file.dropFirst(before);
    } catch (error) {
      return this.#break(error);
    }
    this.#clear();
    this.#rewriteAt = Math.max(REWRITE_BYTES_MIN, REWRITE_FACTOR * file.length);
  }

  /** Behind what is in the file; who reads it stops there until it is whole. */
  #writeAll({ inodes, changes, handles, directoryHandles }: StateSource): void {
    this.#buffer.begin(RecordType.ANEW).end();
    if (this.#about !== undefined) this.#buffer.begin(RecordType.ABOUT).text(this.#about).end();
    for (const [number, { parent, name, isDirectory, lookups }] of inodes.dormant()) {
      this.#writePlace(number, parent, name, isDirectory, lookups);
      this.#spillIfLarge();
    }
    for (const inode of inodes.values()) {
      if (inode.isNoted || isSpecial(inode)) this.#inode(inode);
      this.#spillIfLarge();
    }
    for (const { key } of changes.values()) this.#change(key);
    for (const key of this.#dropped) {
      this.#buffer.begin(RecordType.CHANGE).text(key).text("null").end();
    }
    for (const [fh, handle] of handles.entries()) this.#opened(fh, handle);
    for (const [fh, handle] of directoryHandles.entries()) {
      this.openedDirectory(fh, handle);
      for (const [cookie, name] of toldNames(handle)) {
        this.named(fh, cookie, name);
        this.#spillIfLarge();
      }
    }
  }

  /** The kernel may know a million inodes: their records are not gathered in memory. */
  #spillIfLarge(): void {
    if (this.#buffer.length > SPILL_BYTES) this.#spill();
  }

  #spill(): void {
    this.#options.file.append(this.#buffer.bytes);
    this.#buffer.clear();
  }

  /** Nothing is noted any more; the descriptor is closed. */
  close(): void {
    this.#isBroken = true;
    this.#clear();
    this.#options.file.close();
  }

  #break(error: unknown): void {
    this.#isBroken = true;
    this.#clear();
    this.#options.log.error(
      "Cannot note the state of the mount, which from now on ends with this process: {error}",
      { error },
    );
    this.#options.onBroken();
  }

  #clear(): void {
    this.#buffer.clear();
    this.#touched.clear();
    this.#keys.clear();
  }

  #opened(fh: HandleId, { inode, writable, creates, isRead }: FileHandle): void {
    const flags = (writable ? 1 : 0) | (creates ? 2 : 0) | (isRead ? 4 : 0);
    this.#buffer.begin(RecordType.OPENED).number(fh).number(inode.number).number(flags).end();
  }

  #change(key: string): void {
    const change = this.#source!.changes.get(key);
    if (change === undefined) this.#dropped.add(key);
    else this.#dropped.delete(key);
    const inode = change === undefined || change.wish.kind === "removal"
      ? undefined
      : change.wish.inode;
    if (inode !== undefined) this.#touched.add(inode);
    const saved = change === undefined ? null : savedChange(change, inode);
    this.#buffer.begin(RecordType.CHANGE).text(key).text(JSON.stringify(saved)).end();
  }

  /** What bears the number of an inode now: the inode itself, another one, or nothing. */
  #present({ number, kind }: Inode): void {
    const present = this.#source!.inodes.present(number);
    if (present !== undefined) this.#inode(present);
    else this.#writePlace(number, 0, "", kind === "directory", 0);
  }

  #inode(inode: Inode): void {
    if (inode === this.#source!.inodes.root) return;
    if (!isSpecial(inode)) return this.#place(inode);
    this.#noteParent(inode);
    inode.isNoted = true;
    const [type, saved] = inode.kind === "file"
      ? [RecordType.FILE, savedFile(inode, this.#options.staging)]
      : [RecordType.DIRECTORY, savedDirectory(inode)];
    this.#buffer.begin(type).text(JSON.stringify(saved)).end();
  }

  #place(inode: Inode): void {
    this.#noteParent(inode);
    inode.isNoted = true;
    const { number, kind, lookups } = inode;
    const parent = isPlaced(inode) ? inode.parent!.number : 0;
    const name = parent === 0 ? "" : inode.name;
    this.#writePlace(number, parent, name, kind === "directory", lookups);
  }

  #writePlace(
    number: InodeNumber,
    parent: InodeNumber | 0,
    name: string,
    isDirectory: boolean,
    lookups: number,
  ): void {
    this.#buffer.begin(RecordType.PLACE).number(number).number(parent)
      .number(isDirectory ? 1 : 0).number(lookups).text(name).end();
  }

  /** The directory of what is only here may be unknown to the kernel, and to the log. */
  #noteParent({ parent }: Inode): void {
    if (parent !== undefined && !parent.isNoted) this.#inode(parent);
  }
}

/** True when the place of an inode does not say enough. */
export function isSpecial(inode: Inode): boolean {
  if (inode.pending || inode.unlinked) return true;
  return inode.kind === "file"
    ? inode.handles > 0 || inode.staged !== undefined || inode.source === undefined
    : inode.isNew || inode.changed !== undefined || inode.ctime !== undefined;
}

/** False when the inode's name is gone, or another one's. */
function isPlaced(inode: Inode): boolean {
  return inode.parent?.children.get(inode.name) === inode;
}

function savedChange(change: Change, inode: Inode | undefined): SavedChange {
  return {
    wish: change.wish.kind,
    inode: inode?.number ?? null,
    remote: change.remote ?? null,
    sent: change.sent,
    sinceMs: change.sinceMs,
    uploadingSize: change.uploadingSize ?? null,
  };
}

function common(inode: Inode) {
  return {
    number: inode.number,
    parent: inode.parent?.number ?? 0 as const,
    name: inode.name,
    isPlaced: isPlaced(inode),
    lookups: inode.lookups,
    isUnlinked: inode.unlinked,
    ctime: inode.ctime ?? null,
    attributes: inode.attributes,
    attributesDirty: inode.attributesDirty,
  };
}

function savedDirectory(inode: DirectoryInode): SavedDirectory {
  return { ...common(inode), isNew: inode.isNew, changed: inode.changed ?? null };
}

function savedFile(inode: FileInode, staging: StagingArea): SavedFile {
  const { source, staged } = inode;
  return {
    ...common(inode),
    source: savedObject(source),
    lastModifiedMs: inode.lastModifiedMs,
    storageClass: inode.storageClass ?? null,
    kept: inode.kept ?? null,
    staged: staged === undefined ? null : savedStaged(inode, staged, staging),
    hasChosenTime: inode.hasChosenTime,
    isBaseUnsure: inode.isBaseUnsure,
    isServed: inode.served,
    hasPages: source !== undefined && inode.openedSourceId === source.id,
  };
}

function savedStaged(inode: FileInode, staged: StagingFile, staging: StagingArea): SavedStaged {
  const { synced } = inode;
  const isDurable = synced?.staged === staged && synced.state === staged.state;
  return {
    ...staged.layout(),
    file: staging.nameOf(staged),
    base: savedObject(staged.base),
    isClean: !inode.dirty,
    durable: isDurable ? (synced.inJournal ? "journal" : "file") : null,
  };
}

function savedObject(source: ObjectSource | undefined): SavedObject | null {
  return source === undefined ? null : { key: source.key, etag: source.etag, size: source.size };
}
