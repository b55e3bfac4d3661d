/** What the operations of one mounted file system share. */
import { type Clock, Deadline } from "../base/clock.ts";
import { KeyedMutex } from "../base/keyed_mutex.ts";
import type { Logger } from "../base/log.ts";
import { type Timespec, timespecOfMs } from "../base/posix.ts";
import type { AttributeLoader } from "../cache/attribute_loader.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import type { DirectoryListings } from "../cache/directory_listings.ts";
import type { StagingArea } from "../content/staging_area.ts";
import type { Uploader } from "../content/uploader.ts";
import { KEY_BYTES_MAX } from "../s3/key_encoding.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import { type CacheNotifier, FsError } from "./file_system.ts";
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";
import { InodeTable } from "./inode_table.ts";
import { NAME_MAX, utf8Size } from "../cache/names.ts";

export interface VolumeOptions {
  readonly store: ObjectStore;
  readonly listings: DirectoryListings;
  readonly attributes: AttributeLoader;
  readonly blocks: BlockCache;
  readonly staging: StagingArea;
  readonly uploader: Uploader;
  readonly clock: Clock;
  readonly log: Logger;
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
  /** How long an operation that asks S3 may take; uploads are bounded by their progress instead. */
  readonly operationTimeoutMs: number;
}

/** Does nothing; in place until a kernel is attached. */
const NO_NOTIFIER: CacheNotifier = { invalidateInode: () => {}, invalidateEntry: () => {} };

export class Volume {
  readonly options: VolumeOptions;
  readonly inodes: InodeTable = new InodeTable();
  /** Files with changes that S3 lacks. Every inode here stays in the table. */
  readonly dirty: Set<FileInode> = new Set();
  /** One change of a file's object at a time: upload, metadata, rename, removal. */
  readonly objectLock: KeyedMutex<Inode> = new KeyedMutex();
  notifier: CacheNotifier = NO_NOTIFIER;
  /** Fires when the mount ends: uploads outlive the calls that began them, but not this. */
  readonly closing: AbortController = new AbortController();

  constructor(options: VolumeOptions) {
    this.options = options;
  }

  now(): Timespec {
    return timespecOfMs(this.options.clock.nowMs());
  }

  /** Throws EROFS on a read-only mount. */
  checkWritable(): void {
    if (this.options.readOnly) throw new FsError("EROFS", "The mount is read-only");
  }

  /** The key of a new name in a directory. Throws ENAMETOOLONG. */
  newKey(parent: DirectoryInode, name: string): string {
    const key = parent.prefix + name;
    if (utf8Size(name) > NAME_MAX) {
      throw new FsError("ENAMETOOLONG", `A name has at most ${NAME_MAX} bytes: "${name}"`);
    }
    // A directory's own object has a "/" more.
    if (utf8Size(key) >= KEY_BYTES_MAX) {
      throw new FsError(
        "ENAMETOOLONG",
        `A path has at most ${KEY_BYTES_MAX - 1} bytes in S3: "${key}"`,
      );
    }
    return key;
  }

  /** Runs `work` with a signal that fires with `signal` or when the operation's time is over. */
  async timed<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    using deadline = new Deadline(signal, this.options.operationTimeoutMs);
    return await work(deadline.signal);
  }
}
