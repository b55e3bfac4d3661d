/** What the operations of one mounted file system share. */
import { type Clock, Deadline } from "../base/clock.ts";
import { KeyedMutex } from "../base/keyed_mutex.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { Logger } from "../base/log.ts";
import { type Timespec, timespecOfMs } from "../base/posix.ts";
import type { AttributeLoader } from "../listings/attribute_loader.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { DirectoryListings } from "../listings/directory_listings.ts";
import type { FileReaders } from "../content/file_readers.ts";
import type { StagingArea } from "../content/staging_area.ts";
import type { Uploader } from "../content/uploader.ts";
import type { VolumeJournal } from "../journal/journal.ts";
import { KEY_BYTES_MAX } from "../s3/key_encoding.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import { type CacheNotifier, FsError } from "./file_system.ts";
import type { EagerSender, Scheduler } from "./change.ts";
import { Changes } from "./changes.ts";
import type { StateLog } from "./handover/state_log.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import { InodeTable } from "./inode_table.ts";
import { UploadRecords } from "./upload_records.ts";
import { NAME_MAX, utf8Size } from "../listings/names.ts";

/** What an acknowledgement waits for: that it is safe on this machine, or in S3. */
export type Durability = "journal" | "remote";

/** The uploads under way in all mounts together. */
export interface UploadLanes {
  readonly small: Semaphore;
  /** A lane of their own, so that small files need not wait for large ones. */
  readonly large: Semaphore;
  /** Parts of files that are still being written. */
  readonly eagerParts: Semaphore;
}

export interface VolumeOptions {
  readonly store: ObjectStore;
  readonly listings: DirectoryListings;
  readonly attributes: AttributeLoader;
  readonly blocks: BlockCache;
  readonly readers: FileReaders;
  readonly staging: StagingArea;
  readonly uploader: Uploader;
  readonly journal: VolumeJournal;
  /** False when the journal may lack what an earlier run has put into it. */
  readonly journalIsTrusted: boolean;
  readonly lanes: UploadLanes;
  /** Where goes what cannot be used; a directory of the mount's own. */
  readonly lostAndFound: string;
  /** This machine's name, for the names of conflict copies. */
  readonly host: string;
  /** What close(2) and operations on names wait for. */
  readonly durability: Durability;
  /** What fsync(2) waits for. */
  readonly fsync: Durability;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of the mounted part of the bucket: "" or "a/b/". */
  readonly prefix: string;
  readonly readOnly: boolean;
  /** Permission bits of what has none of its own. */
  readonly fileMode: number;
  readonly dirMode: number;
  /** Owner of what has none of its own. */
  readonly uid: number;
  readonly gid: number;
  readonly storageClass?: string;
  /** Of every new object; absent: by the name's extension. */
  readonly contentType?: string;
  /** Present when another process could go on with the mount. */
  readonly stateLog?: StateLog | undefined;
  /** How long an operation that asks S3 may take; uploads are bounded by their progress instead. */
  readonly operationTimeoutMs: number;
}

/** Does nothing; in place until a kernel is attached. */
const NO_NOTIFIER: CacheNotifier = {
  invalidateInode: () => {},
  invalidateEntry: () => {},
  expireEntry: () => {},
};
/** Names that the kernel is told to ask for again after sleep. */
const EXPIRED_MAX = 50_000;

export class Volume {
  readonly options: VolumeOptions;
  readonly inodes: InodeTable = new InodeTable();
  /** What S3 is still to be told. */
  readonly changes: Changes;
  /** Multipart uploads under way. */
  readonly uploads: UploadRecords;
  /** Files without a name that are open. */
  readonly orphans: Set<FileInode> = new Set();
  /** One look at a changed object at a time. */
  readonly lookLock: KeyedMutex<Inode> = new KeyedMutex();
  notifier: CacheNotifier = NO_NOTIFIER;
  /** Where is noted what another process needs to go on; undefined: none could. */
  readonly log: StateLog | undefined;
  /** Fires when the mount ends: uploads outlive the calls that began them, but not this. */
  readonly closing: AbortController = new AbortController();
  #writeBack: Scheduler | undefined;
  #eager: EagerSender | undefined;

  constructor(options: VolumeOptions) {
    this.options = options;
    const { journal, staging, clock, stateLog } = options;
    this.log = stateLog;
    this.inodes.log = stateLog;
    this.changes = new Changes({ journal, staging, clock, inodes: this.inodes, log: stateLog });
    this.uploads = new UploadRecords(options);
    options.listings.isRemoved = (key) => this.changes.isRemoved(key);
    options.listings.onRevised = (prefix, names) => this.#forgetNames(prefix, names);
  }

  /** Carries the changes out. */
  get writeBack(): Scheduler {
    return this.#writeBack!;
  }

  /** To be set once, before anything else: the parts that send changes need the volume themselves. */
  set writeBack(writeBack: Scheduler) {
    this.#writeBack = writeBack;
  }

  /** Sends parts of files that are being written. */
  get eager(): EagerSender {
    return this.#eager!;
  }

  /** To be set once, as `writeBack`. */
  set eager(eager: EagerSender) {
    this.#eager = eager;
  }

  /** The inode of a key in memory ("a/b", "a/b/"), if there is one. */
  inodeAt(key: string): Inode | undefined {
    const isDirectory = key.endsWith("/");
    let inode: Inode | undefined = this.inodes.root;
    for (const name of (isDirectory ? key.slice(0, -1) : key).split("/")) {
      inode = inode?.kind === "directory" ? inode.children.get(name) : undefined;
    }
    return inode?.kind === (isDirectory ? "directory" : "file") ? inode : undefined;
  }

  /**
   * Resolves when the changes of names are durable as the mount promises. `keys` are those whose
   * wishes were made; they are on their way to S3 already.
   */
  async acknowledge(keys: readonly string[], signal: AbortSignal): Promise<void> {
    for (const key of keys) {
      const change = this.changes.get(key);
      if (change !== undefined) this.writeBack.schedule(change);
    }
    await this.changes.commit(keys);
    if (this.options.durability === "journal") return;
    await this.timed(signal, async (signal) => {
      await Promise.all(keys.map((key) => this.writeBack.pushKey(key, signal)));
    });
  }

  /** A directory that was known by what is pending in it only is in S3 now, with those above it. */
  showDirectory(directory: DirectoryInode): void {
    const { listings } = this.options;
    for (let at = directory; at.parent !== undefined; at = at.parent) {
      const { attributes } = at;
      listings.show(at.parent.prefix, at.name, { kind: "directory", attributes });
    }
  }

  /** The system has slept, and the kernel's times to live have not gone on: it asks for names anew. */
  expireNames(): void {
    let count = 0;
    for (const [parent, name] of this.inodes.known()) {
      this.notifier.expireEntry(parent, name);
      if (++count === EXPIRED_MAX) return;
    }
  }

  /** Something of the directory, and so of those above it, is in S3. */
  leaveNew(directory: DirectoryInode | undefined): void {
    for (let at = directory; at?.isNew === true; at = at.parent) {
      at.isNew = false;
      this.log?.touched(at);
    }
  }

  /** The kernel was told of names that are not so any more. */
  #forgetNames(prefix: string, names: readonly string[]): void {
    const directory = prefix === "" ? this.inodes.root : this.inodeAt(prefix);
    if (directory?.kind !== "directory") return;
    for (const name of names) this.notifier.invalidateEntry(directory.number, name);
  }

  now(): Timespec {
    return timespecOfMs(this.options.clock.nowMs());
  }

  /** Throws EROFS on a read-only mount. */
  checkWritable(): void {
    if (this.options.readOnly) throw new FsError("EROFS", "The mount is read-only");
  }

  /** Checks that a directory can have a name. Throws ENAMETOOLONG. */
  checkName(parent: DirectoryInode, name: string): void {
    if (utf8Size(name) > NAME_MAX) {
      throw new FsError("ENAMETOOLONG", `A name has at most ${NAME_MAX} bytes: "${name}"`);
    }
    this.checkKey(parent.prefix + name);
  }

  /** Throws ENAMETOOLONG. */
  checkKey(key: string): void {
    // A directory's own object has a "/" more.
    if (utf8Size(this.options.prefix + key) >= KEY_BYTES_MAX) {
      throw new FsError(
        "ENAMETOOLONG",
        `A path has at most ${KEY_BYTES_MAX - 1} bytes in S3: "${key}"`,
      );
    }
  }

  /** Runs `work` with a signal that fires with `signal` or when the operation's time is over. */
  async timed<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using deadline = new Deadline(signal, this.options.operationTimeoutMs);
    return await work(deadline.signal);
  }
}
