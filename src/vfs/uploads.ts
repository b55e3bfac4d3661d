/** What is not in S3 yet: telling it, bringing it there, and leaving nothing behind unnoticed. */
import type { FileContent } from "./file_content.ts";
import type { FileInode } from "./inode.ts";
import type { Volume } from "./volume.ts";

export interface FailedUpload {
  /** Within the mount. */
  readonly path: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export interface UploadsStatus {
  /** Files whose content S3 does not have, open or not. */
  readonly pendingFiles: number;
  readonly pendingBytes: number;
  /** Since when the oldest of them waits, in seconds; 0 without any. */
  readonly oldestSeconds: number;
  readonly active: number;
  readonly failed: readonly FailedUpload[];
}

export class Uploads {
  readonly #volume: Volume;
  readonly #content: FileContent;

  constructor(volume: Volume, content: FileContent) {
    this.#volume = volume;
    this.#content = content;
  }

  status(): UploadsStatus {
    const now = this.#volume.options.clock.monotonicMs();
    let pendingBytes = 0;
    let oldestMs = 0;
    const failed: FailedUpload[] = [];
    for (const inode of this.#volume.dirty) {
      pendingBytes += inode.size;
      oldestMs = Math.max(oldestMs, now - inode.dirtySinceMs);
      if (inode.uploadError !== undefined) {
        failed.push({ path: inode.key ?? inode.name, ...inode.uploadError });
      }
    }
    return {
      pendingFiles: this.#volume.dirty.size,
      pendingBytes,
      oldestSeconds: Math.floor(oldestMs / 1000),
      active: this.#content.uploading,
      failed,
    };
  }

  /** Uploads all that is pending. Throws the first failure, after having tried everything. */
  async drain(signal: AbortSignal): Promise<void> {
    const pending = [...this.#volume.dirty];
    const results = await Promise.allSettled(
      pending.map((inode) => this.#content.persist(inode, signal)),
    );
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /** Stops all work and leaves what could not be uploaded on the disk, with a note beside it. */
  async close(): Promise<void> {
    const { closing, dirty, options } = this.#volume;
    closing.abort(new DOMException("The mount ends", "AbortError"));
    for (const inode of [...dirty]) {
      // Behind an upload that is being aborted now.
      await this.#volume.objectLock.run(inode, () => this.#abandon(inode));
    }
    for (const inode of this.#volume.inodes.values()) {
      if (inode.kind === "file" && inode.staged !== undefined) {
        options.staging.discard(inode.staged);
      }
    }
  }

  async #abandon(inode: FileInode): Promise<void> {
    const { staging, store, clock, log } = this.#volume.options;
    const { staged, key } = inode;
    this.#volume.dirty.delete(inode);
    if (staged === undefined || key === undefined || !inode.dirty) return;
    const path = await staging.abandon(staged, {
      bucket: store.bucket,
      key,
      size_bytes: staged.size,
      error: inode.uploadError?.message ?? "The mount ended before the upload",
      at: new Date(clock.nowMs()).toISOString(),
    });
    inode.staged = undefined;
    log.error("{key} was not uploaded; what was written is in {path}", { key, path });
  }
}
