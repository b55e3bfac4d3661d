/** Inodes: what the kernel knows by number, with the state that is not (or not yet) in S3. */
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  type Timespec,
} from "../base/posix.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { nextSourceId } from "../cache/object_source.ts";
import type { ListedFile } from "../listings/listing.ts";
import type { PosixAttributes } from "../listings/posix_metadata.ts";
import type { StagedLayout } from "../content/staged_layout.ts";
import type { StagingFile } from "../content/staging_file.ts";
import type { Metadata, ObjectInfo, ObjectStore, Tags } from "../s3/object_store.ts";
import { Children } from "./children.ts";
import type { InodeNumber } from "./file_system.ts";
import type { KnownRows } from "./known_rows.ts";

const FILE_TYPES: ReadonlySet<number> = new Set([
  S_IFREG,
  S_IFLNK,
  S_IFIFO,
  S_IFSOCK,
  S_IFCHR,
  S_IFBLK,
]);

/** A directory's key is its prefix. */
export type Inode = DirectoryInode | FileInode;

abstract class NamedInode {
  readonly number: InodeNumber;
  /** How often the kernel was given this number and has not forgotten it. */
  lookups = 0;
  /** Open handles. */
  handles = 0;
  parent: DirectoryInode | undefined;
  name: string;
  /** When its attributes changed here last. */
  ctime: Timespec | undefined;
  /** Its name was removed, here; open handles may still use it. */
  unlinked = false;
  /** S3 has still to be told something of it: there is a change (changes.ts) under its key. */
  pending = false;
  /** The hand-over log knows its place. */
  isNoted = false;
  #attributes: PosixAttributes;
  #revision = 0;
  #savedRevision = 0;

  constructor(
    number: InodeNumber,
    parent: DirectoryInode | undefined,
    name: string,
    attributes: PosixAttributes,
  ) {
    this.number = number;
    this.parent = parent;
    this.name = name;
    this.#attributes = attributes;
  }

  /** What is set on it; absent fields have the mount's defaults. */
  get attributes(): PosixAttributes {
    return this.#attributes;
  }

  /** Counts the changes made here. */
  get attributesRevision(): number {
    return this.#revision;
  }

  /** True when attributes were set here that S3 does not have. */
  get attributesDirty(): boolean {
    return this.#revision !== this.#savedRevision;
  }

  /** Enters what S3 says. */
  learnAttributes(attributes: PosixAttributes): void {
    this.#attributes = attributes;
  }

  /** Enters what was set here. */
  setAttributes(attributes: PosixAttributes): void {
    this.#attributes = attributes;
    this.#revision++;
  }

  /** S3 has the attributes of that revision. */
  attributesSaved(revision: number): void {
    this.#savedRevision = revision;
  }
}

export class DirectoryInode extends NamedInode {
  readonly kind = "directory";
  /** The inodes below that the kernel knows or that hold local state. A part of the names in S3. */
  readonly children = new Children<Inode, KnownRows<DirectoryInode, FileInode>>();
  /** When a name in it was changed here last. */
  changed: Timespec | undefined;
  /** Made here, and nothing of it or below it has been in S3 yet. */
  isNew = false;

  /** The last prefix, and what it was made of: all inodes below share one text. */
  #prefix = "";
  #above = "";
  #nameInPrefix = "";

  /** The prefix of the keys below it: "" for the root, else ending with "/". Also its own object's key. */
  get prefix(): string {
    if (this.parent === undefined) return "";
    const above = this.parent.prefix;
    if (above !== this.#above || this.name !== this.#nameInPrefix) {
      this.#above = above;
      this.#nameInPrefix = this.name;
      this.#prefix = `${above}${this.name}/`;
    }
    return this.#prefix;
  }

  get type(): number {
    return S_IFDIR;
  }
}

/** Everything that is one object: a regular file, a symbolic link, a pipe, a socket or a device. */
export class FileInode extends NamedInode {
  readonly kind = "file";
  /**
   * The object that has this content, as of when it was last looked at; undefined for a file not yet
   * in S3. After a rename it bears the old key until the server has made the copy.
   */
  source: InodeSource | undefined;
  lastModifiedMs = 0;
  storageClass: string | undefined;
  /** The local truth while the file is being changed, until what it holds is in S3. */
  staged: StagingFile | undefined;
  /** The generation of `staged` that S3 has. */
  uploadedGeneration: number | undefined;
  /** What of `staged` was last made durable on this machine. */
  synced: SyncedContent | undefined;
  /** Earlier staging files that the journal may still name. */
  retired: StagingFile[] = [];
  /** An upload or copy of it is under way. */
  uploading = false;
  /** Open handles that can write. */
  writers = 0;
  /** Its mtime was set, after the last change of the content here. */
  hasChosenTime = false;
  /** Monotonic time of the last change of the content here. */
  changedMs = -Infinity;
  /** A read was answered from `source` since the first of the present handles was opened. */
  served = false;
  /** Why the last read failed, and until when that is not tried again. */
  readFailure: { readonly error: Error; readonly untilMs: number } | undefined;
  /** The `source.id` as of the last open: the content that the kernel may have pages of. */
  openedSourceId: number | undefined;
  /** An earlier run may have replaced the object under what is staged, without hearing of it. */
  isBaseUnsure = false;
  /** Its first blocks were fetched because it is expected to be opened next. */
  fetchedAhead = false;
  /** What a rewrite of the object keeps, where it is known. */
  kept: KeptProperties | undefined;

  /** The object's key; undefined when the file was removed. */
  get key(): string | undefined {
    return this.unlinked ? undefined : `${this.parent!.prefix}${this.name}`;
  }

  /** The type bits. */
  get type(): number {
    return fileTypeOf(this.attributes.mode);
  }

  get isSymlink(): boolean {
    return this.type === S_IFLNK;
  }

  /** In bytes. */
  get size(): number {
    return this.staged?.size ?? this.source?.size ?? 0;
  }

  /** True while S3 does not have the bytes that the file holds. */
  get dirty(): boolean {
    return this.staged !== undefined && this.uploadedGeneration !== this.staged.generation;
  }

  /** True while the object with the file's bytes has another name than the file. */
  get moved(): boolean {
    return this.source !== undefined && this.source.key !== this.key;
  }

  /** What a listing would tell of it now. */
  listed(): ListedFile {
    return {
      kind: "file",
      size: this.source!.size,
      etag: this.source!.etag,
      lastModifiedMs: this.lastModifiedMs,
      attributes: this.attributes,
      ...(this.storageClass === undefined ? {} : { storageClass: this.storageClass }),
    };
  }

  /** True when what is known here counts, whatever a listing says. */
  get local(): boolean {
    return this.pending || this.staged !== undefined || this.source === undefined;
  }
}

/** The type bits in a mode: what an object cannot be is taken for a regular file. */
export function fileTypeOf(mode: number | undefined): number {
  const type = (mode ?? 0) & S_IFMT;
  return FILE_TYPES.has(type) ? type : S_IFREG;
}

/** A content of a staging file that is durable on this machine. */
export interface SyncedContent {
  readonly staged: StagingFile;
  readonly state: number;
  readonly layout: StagedLayout;
  /** The bytes are in the journal, or go there with the record; else they are in the synced file. */
  readonly inJournal: boolean;
}

/** Properties of an object that this program does not set but keeps. */
export interface KeptProperties {
  readonly metadata: Metadata;
  readonly contentType: string;
  readonly tags: Tags;
}

/** The content of an inode's object. */
export class InodeSource implements ObjectSource {
  readonly id: number = nextSourceId();
  readonly store: ObjectStore;
  readonly size: number;
  /** These change only when this program has made another object of the same bytes. */
  key: string;
  etag: string;
  onInfo: ((info: ObjectInfo) => void) | undefined;

  constructor(store: ObjectStore, key: string, etag: string, size: number) {
    this.store = store;
    this.key = key;
    this.etag = etag;
    this.size = size;
  }
}
