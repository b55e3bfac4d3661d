/**
 * What the hand-over log says: the state of a mounted file system as the kernel knew it when its process
 * ended, made of the log's records one after the other.
 */
import type { Timespec } from "../../base/posix.ts";
import { timespecOfMs } from "../../base/posix.ts";
import { RangeSet } from "../../base/byte_range.ts";
import type { StagedLayout } from "../../content/staged_layout.ts";
import type { PosixAttributes } from "../../listings/posix_metadata.ts";
import type { HandleId, InodeNumber } from "../file_system.ts";
import type { KeptProperties } from "../inode.ts";
import { readRecords, type RecordReader } from "./record_buffer.ts";

export const RecordType = {
  /** Text: what is mounted, and what was agreed with the kernel. */
  ABOUT: 1,
  /** Number, parent (0: it has no name any more), 1 for a directory, lookups; name. */
  PLACE: 2,
  /** Number: one more lookup. */
  GIVEN: 3,
  /** Number, count. */
  FORGOT: 4,
  /** JSON of a `SavedFile`. */
  FILE: 5,
  /** JSON of a `SavedDirectory`. */
  DIRECTORY: 6,
  /** Number, offset, length, mtime in milliseconds. */
  WROTE: 7,
  /** Key, JSON of a `SavedChange`, or null. */
  CHANGE: 8,
  /** Handle, inode, 1 when writable + 2 when it creates + 4 when something was read through it. */
  OPENED: 9,
  /** Handle. */
  CLOSED: 10,
  /** Handle, inode. */
  OPENED_DIRECTORY: 11,
  /** Handle, cookie; name. */
  NAMED: 12,
  /** Handle. */
  CLOSED_DIRECTORY: 13,
  /** Everything follows anew: the first record, or that of a rewriting that was not finished. */
  ANEW: 14,
} as const;

export interface SavedObject {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
}

interface SavedInode {
  readonly number: InodeNumber;
  readonly parent: InodeNumber | 0;
  readonly name: string;
  /** The name is its own; otherwise it was removed, or stands for another inode now. */
  readonly isPlaced: boolean;
  readonly lookups: number;
  readonly isUnlinked: boolean;
  readonly ctime: Timespec | null;
  readonly attributes: PosixAttributes;
  readonly attributesDirty: boolean;
}

export interface SavedStaged extends StagedLayout {
  /** Name of the staged file. */
  readonly file: string;
  readonly base: SavedObject | null;
  /** S3 has it. */
  readonly isClean: boolean;
  /** It is durable as it is: its bytes are synced, or were given to the journal. */
  readonly durable: "file" | "journal" | null;
}

/** A file that is open, or of which something is only here. */
export interface SavedFile extends SavedInode {
  readonly source: SavedObject | null;
  readonly lastModifiedMs: number;
  readonly storageClass: string | null;
  readonly kept: KeptProperties | null;
  readonly staged: SavedStaged | null;
  readonly hasChosenTime: boolean;
  readonly isBaseUnsure: boolean;
  readonly isServed: boolean;
  /** The kernel's pages, if it has any, are those of `source`. */
  readonly hasPages: boolean;
}

/** A directory of which something is only here. */
export interface SavedDirectory extends SavedInode {
  readonly isNew: boolean;
  readonly changed: Timespec | null;
}

export interface SavedChange {
  readonly wish: "file" | "directory" | "removal";
  readonly inode: InodeNumber | null;
  readonly remote: string | null;
  readonly sent: readonly string[];
  readonly sinceMs: number;
  readonly uploadingSize: number | null;
}

/** An inode by its place. */
export interface SavedPlace {
  parent: InodeNumber | 0;
  name: string;
  readonly isDirectory: boolean;
  lookups: number;
  file?: SavedFile | undefined;
  directory?: SavedDirectory | undefined;
}

export interface SavedHandle {
  readonly inode: InodeNumber;
  readonly flags: number;
}

export interface SavedDirectoryHandle {
  readonly inode: InodeNumber;
  /** The names that were told, by their cookies. */
  readonly names: Map<number, string>;
}

export class SavedState {
  /** Undefined: the log ends before it says so. */
  about: string | undefined;
  readonly inodes: Map<InodeNumber, SavedPlace> = new Map();
  /** By key; null: it has none any more, whatever the journal says. */
  readonly changes: Map<string, SavedChange | null> = new Map();
  readonly handles: Map<HandleId, SavedHandle> = new Map();
  readonly directoryHandles: Map<HandleId, SavedDirectoryHandle> = new Map();
  /** What of staged files was written since their last record. */
  readonly #written = new Map<InodeNumber, RangeSet>();

  /** Throws when the log makes no sense. */
  static of(bytes: Uint8Array<ArrayBuffer>): SavedState {
    const state = new SavedState();
    let isFirst = true;
    for (const record of readRecords(bytes)) {
      if (record.type !== RecordType.ANEW) state.#take(record);
      else if (!isFirst) break;
      isFirst = false;
    }
    state.#bringUpToDate();
    return state;
  }

  #take(record: RecordReader): void {
    switch (record.type) {
      case RecordType.ABOUT:
        this.about = record.text();
        return;
      case RecordType.PLACE:
        return this.#place(record);
      case RecordType.GIVEN:
        return this.#count(record.number(), 1);
      case RecordType.FORGOT:
        return this.#count(record.number(), -record.number());
      case RecordType.FILE:
        return this.#file(JSON.parse(record.text()) as SavedFile);
      case RecordType.DIRECTORY:
        return this.#directory(JSON.parse(record.text()) as SavedDirectory);
      case RecordType.WROTE:
        return this.#wrote(record);
      case RecordType.CHANGE:
        this.changes.set(record.text(), JSON.parse(record.text()) as SavedChange | null);
        return;
      default:
        return this.#takeOfHandle(record, record.number() as HandleId);
    }
  }

  #takeOfHandle(record: RecordReader, handle: HandleId): void {
    switch (record.type) {
      case RecordType.OPENED:
        this.handles.set(handle, {
          inode: record.number() as InodeNumber,
          flags: record.number(),
        });
        return;
      case RecordType.CLOSED:
        this.handles.delete(handle);
        return;
      case RecordType.OPENED_DIRECTORY:
        this.directoryHandles.set(handle, {
          inode: record.number() as InodeNumber,
          names: new Map(),
        });
        return;
      case RecordType.NAMED:
        this.directoryHandles.get(handle)?.names.set(record.number(), record.text());
        return;
      case RecordType.CLOSED_DIRECTORY:
        this.directoryHandles.delete(handle);
        return;
      default:
        throw new TypeError(`The hand-over log has a record of the unknown type ${record.type}`);
    }
  }

  #place(record: RecordReader): void {
    const number = record.number() as InodeNumber;
    const parent = record.number() as InodeNumber | 0;
    const isDirectory = record.number() === 1;
    const lookups = record.number();
    this.inodes.set(number, { parent, name: record.text(), isDirectory, lookups });
    this.#written.delete(number);
  }

  #count(number: number, more: number): void {
    const inode = this.inodes.get(number as InodeNumber);
    if (inode !== undefined) inode.lookups += more;
  }

  #file(file: SavedFile): void {
    const { number, parent, name, lookups } = file;
    this.inodes.set(number, { parent, name, lookups, isDirectory: false, file });
    this.#written.delete(number);
  }

  #directory(directory: SavedDirectory): void {
    const { number, parent, name, lookups } = directory;
    this.inodes.set(number, { parent, name, lookups, isDirectory: true, directory });
  }

  #wrote(record: RecordReader): void {
    const number = record.number() as InodeNumber;
    const inode = this.inodes.get(number);
    const start = record.number();
    const end = start + record.number();
    const mtime = timespecOfMs(record.number());
    if (inode?.file === undefined || inode.file.staged === null) return;
    let written = this.#written.get(number);
    if (written === undefined) this.#written.set(number, written = new RangeSet());
    written.add({ start, end });
    const { file } = inode;
    inode.file = {
      ...file,
      attributes: { ...file.attributes, mtime },
      attributesDirty: true,
      ctime: mtime,
      hasChosenTime: false,
    };
  }

  /** Enters the writes: only now, for there may be many. */
  #bringUpToDate(): void {
    for (const [number, written] of this.#written) {
      const inode = this.inodes.get(number);
      if (inode?.file === undefined || inode.file.staged === null) continue;
      const { staged } = inode.file;
      for (const range of staged.present) written.add(range);
      const present = written.ranges();
      const size = Math.max(staged.size, present.at(-1)?.end ?? 0);
      inode.file = {
        ...inode.file,
        staged: { ...staged, present, size, isClean: false, durable: null },
      };
    }
    this.#written.clear();
  }
}
