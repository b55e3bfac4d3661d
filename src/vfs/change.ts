/** One thing that S3 is still to be told. See changes.ts. */
import type { DirectoryInode, FileInode, Inode } from "./inode.ts";

/** What is to become of a key. */
export type Wish =
  | { readonly kind: "file"; readonly inode: FileInode }
  | { readonly kind: "directory"; readonly inode: DirectoryInode }
  | { readonly kind: "removal" };

export class Change {
  readonly key: string;
  wish: Wish;
  /** Counts the wishes. */
  revision = 1;
  /** The ETag of the object that the wish replaces; undefined: there is none. Unused for directories. */
  remote: string | undefined;
  /** Wall time of the first wish. */
  sinceMs: number;
  /** Monotonic time from which it may be carried out. */
  dueMs = Infinity;
  /** Somebody waits for it, or for what has to come after it. */
  isUrgent = false;
  /** Failed attempts in a row. */
  attempts = 0;
  error: { readonly message: string; readonly atMs: number; readonly passing: boolean } | undefined;
  running = false;
  /** It was begun, and S3 may have something of it although it failed, or the program ended. */
  tried = false;
  /** How often it was begun in vain because the file was being changed. */
  restarts = 0;
  /** ETags of what was written to this key without an answer: if one of them is there, it is ours. */
  sent: readonly string[] = [];
  /**
   * Size of what was being uploaded to this key when its removal was wished: if the program ends now,
   * nobody knows whether that upload succeeded.
   */
  uploadingSize: number | undefined;
  /** Who waits for the end of the next attempt. */
  readonly waiters: PromiseWithResolvers<void>[] = [];

  constructor(key: string, wish: Wish, remote: string | undefined, sinceMs: number) {
    this.key = key;
    this.wish = wish;
    this.remote = remote;
    this.sinceMs = sinceMs;
  }

  /** How much there is to upload, in bytes. */
  get bytes(): number {
    return this.wish.kind === "file" && this.wish.inode.dirty ? this.wish.inode.size : 0;
  }
}

/** Sends parts of files that are being written (eager_uploads.ts). */
export interface EagerSender {
  /** To be called after each write at `offset`. */
  wrote(inode: FileInode, offset: number): void;
  /**
   * Sends the whole parts that are left of the upload to a key. Resolves when nothing is on its way to it
   * any more, until the next write.
   */
  finish(key: string): Promise<void>;
  /** Forgets files that have gone elsewhere. To be called now and then. */
  tidy(): void;
  /** Resolves when nothing is on its way any more; to be called after `closing` has fired. */
  close(): Promise<void>;
}

/** When changes are carried out (write_back.ts). */
export interface Scheduler {
  /** Changes under way. */
  readonly running: number;
  /** Has a change carried out after the usual delay, or another one. */
  schedule(change: Change, delayMs?: number): void;
  /** S3 is in reach again: what has failed is tried at once. */
  retry(): void;
  /** Resolves when S3 has what the inode is now; rejects when an attempt fails. */
  push(inode: Inode, signal: AbortSignal): Promise<void>;
  /** Resolves when S3 has what was wished for the key; rejects when an attempt fails. */
  pushKey(key: string, signal: AbortSignal): Promise<void>;
  /**
   * Resolves when S3 has everything. What fails for a passing reason is tried again until `signal`
   * fires; another failure is thrown when everything else was tried.
   */
  drain(signal: AbortSignal): Promise<void>;
  /** Resolves when nothing below the prefixes is under way; nothing is begun there until the end. */
  pause(prefixes: readonly string[], signal: AbortSignal): Promise<Disposable>;
  /** Resolves when nothing is under way any more; to be called after `closing` has fired. */
  close(): Promise<void>;
}
