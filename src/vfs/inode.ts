/** Inodes: what the kernel knows by number, with the state that is not (or not yet) in S3. */
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, type Timespec } from "../base/posix.ts";
import type { ObjectSource } from "../cache/object_source.ts";
import { nextSourceId } from "../cache/object_source.ts";
import type { ListedFile } from "../cache/listing.ts";
import type { PosixAttributes } from "../cache/posix_metadata.ts";
import type { StagingFile } from "../content/staging_file.ts";
import type { Metadata, ObjectStore } from "../s3/object_store.ts";
import type { InodeNumber } from "./file_system.ts";

export type Inode = DirectoryInode | FileInode;

abstract class NamedInode {
  readonly number: InodeNumber;
  /** How often the kernel was given this number and has not forgotten it. */
  lookups = 0;
  /** Open handles. */
  handles = 0;
  parent: DirectoryInode | undefined;
  name: string;
  /** What was set on it; absent fields have the mount's defaults. */
  attributes: PosixAttributes;
  /** When its attributes changed here last. */
  ctime: Timespec | undefined;
  atime: Timespec | undefined;
  /** Its name was removed, here; open handles may still use it. */
  unlinked = false;

  constructor(
    number: InodeNumber,
    parent: DirectoryInode | undefined,
    name: string,
    attributes: PosixAttributes,
  ) {
    this.number = number;
    this.parent = parent;
    this.name = name;
    this.attributes = attributes;
  }
}

export class DirectoryInode extends NamedInode {
  readonly kind = "directory";
  /** The inodes below that the kernel knows or that hold local state. A part of the names in S3. */
  readonly children = new Map<string, Inode>();
  /** When a name in it was changed here last. */
  changed: Timespec | undefined;

  /** The prefix of the keys below it: "" for the root, else ending with "/". Also its own object's key. */
  get prefix(): string {
    return this.parent === undefined ? "" : `${this.parent.prefix}${this.name}/`;
  }

  get type(): number {
    return S_IFDIR;
  }
}

/** A regular file, or a symbolic link: whatever is one object. */
export class FileInode extends NamedInode {
  readonly kind = "file";
  /** The object's content as of when it was last looked at; undefined for a file not yet in S3. */
  source: InodeSource | undefined;
  lastModifiedMs = 0;
  storageClass: string | undefined;
  /** The local truth while the file is being changed, until what it holds is in S3. */
  staged: StagingFile | undefined;
  /** The generation of `staged` that S3 has. */
  uploadedGeneration: number | undefined;
  /** Monotonic time of the first change that S3 does not have. */
  dirtySinceMs = 0;
  /** Why the last upload failed, until one succeeds. */
  uploadError: { readonly message: string; readonly atMs: number } | undefined;
  /** A read was answered from `source` since the first of the present handles was opened. */
  served = false;
  /** Why the last read failed, and until when that is not tried again. */
  readFailure: { readonly error: Error; readonly untilMs: number } | undefined;
  /** The `source.id` as of the last open: the content that the kernel may have pages of. */
  openedSourceId: number | undefined;
  /** The object's own metadata and content type where they are known, so that a rewrite keeps them. */
  metadata: Metadata | undefined;
  contentType: string | undefined;

  /** The object's key; undefined when the file was removed. */
  get key(): string | undefined {
    return this.unlinked ? undefined : `${this.parent!.prefix}${this.name}`;
  }

  get type(): number {
    return this.isSymlink ? S_IFLNK : S_IFREG;
  }

  get isSymlink(): boolean {
    return ((this.attributes.mode ?? 0) & S_IFMT) === S_IFLNK;
  }

  /** In bytes. */
  get size(): number {
    return this.staged?.size ?? this.source?.size ?? 0;
  }

  /** True while S3 does not have what the file holds. */
  get dirty(): boolean {
    return this.staged !== undefined && this.uploadedGeneration !== this.staged.generation;
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

  /** True while what is known here counts, whatever a listing says. */
  get local(): boolean {
    return this.staged !== undefined || this.source === undefined;
  }
}

/** The content of an inode's object; its key follows the inode's renames. */
export class InodeSource implements ObjectSource {
  readonly id: number = nextSourceId();
  readonly store: ObjectStore;
  readonly size: number;
  /** Changed only when this program has rewritten the same bytes (metadata change, rename). */
  etag: string;
  readonly #inode: FileInode;

  constructor(store: ObjectStore, inode: FileInode, etag: string, size: number) {
    this.store = store;
    this.#inode = inode;
    this.etag = etag;
    this.size = size;
  }

  get key(): string | undefined {
    return this.#inode.key;
  }
}
