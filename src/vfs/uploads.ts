/** What is not in S3 yet: telling it, bringing it there, and leaving it safe when the mount ends. */
import type { Change } from "./change.ts";
import type { Volume } from "./volume.ts";

/** An open file's changes are journalled at least so often, without being asked. */
const SAVE_EVERY_MS = 5000;
/** An open file that was not changed for so long goes to S3 without being closed. */
const QUIET_MS = 10_000;
/** So many paths are named of what is pending. */
const NAMED_MAX = 5;

export interface FailedUpload {
  /** Within the mount. */
  readonly path: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** False: time alone will not mend it. */
  readonly passing: boolean;
}

export interface UploadsStatus {
  /** Names whose state S3 does not have: files, open or not, directories, and removals. */
  readonly pendingFiles: number;
  readonly pendingBytes: number;
  /** Since when the oldest of them waits, in seconds; 0 without any. */
  readonly oldestSeconds: number;
  readonly active: number;
  readonly failed: readonly FailedUpload[];
  /** The first of them, within the mount. */
  readonly paths: readonly string[];
}

export class Uploads {
  readonly #volume: Volume;
  readonly #looking: Promise<void>;
  /** Apart: S3 may be away, which must not keep files from being journalled. */
  readonly #tidying: Promise<void>;

  /** How it stood at the end, when what was staged is let go. */
  #final: UploadsStatus | undefined;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.#looking = this.#repeat(() => this.#look());
    this.#tidying = this.#repeat(() => this.#removeUnwanted());
  }

  status(): UploadsStatus {
    if (this.#final !== undefined) return this.#final;
    const { changes, writeBack, options } = this.#volume;
    const now = options.clock.nowMs();
    let pendingBytes = 0;
    let oldestMs = 0;
    const failed: FailedUpload[] = [];
    const paths: string[] = [];
    for (const change of changes.values()) {
      pendingBytes += change.bytes;
      oldestMs = Math.max(oldestMs, now - change.sinceMs);
      if (change.error !== undefined) failed.push({ path: change.key, ...change.error });
      if (paths.length < NAMED_MAX) paths.push(change.key);
    }
    return {
      pendingFiles: changes.size,
      pendingBytes,
      oldestSeconds: Math.floor(oldestMs / 1000),
      active: writeBack.running,
      failed,
      paths,
    };
  }

  /** Resolves when all is in S3. Throws the first failure that time does not mend, when all was tried. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#volume.writeBack.drain(signal);
  }

  /** Stops all work; what S3 does not have is in the journal and goes on at the next start. */
  async close(): Promise<void> {
    const { changes, inodes, closing, writeBack, options } = this.#volume;
    closing.abort(new DOMException("The mount ends", "AbortError"));
    await writeBack.close();
    await this.#volume.eager.close();
    await Promise.all([this.#looking, this.#tidying]);
    for (const change of changes.values()) await this.#save(change);
    await changes.commit([...changes.values()].map(({ key }) => key)).catch((error: unknown) => {
      options.log.error("Cannot journal what is pending: {error}", { error });
    });
    this.#final = this.status();
    for (const inode of [...inodes.values(), ...this.#volume.orphans]) {
      if (inode.kind !== "file" || inode.staged === undefined) continue;
      if (inode.pending) options.staging.release(inode.staged);
      else options.staging.discard(inode.staged);
      inode.staged = undefined;
    }
  }

  async #repeat(work: () => Promise<void>): Promise<void> {
    const { closing, options: { clock } } = this.#volume;
    for (;;) {
      await clock.sleep(SAVE_EVERY_MS, closing.signal).catch(() => {});
      if (closing.signal.aborted) return;
      await work();
    }
  }

  /** Looks after files that are open for long. */
  async #look(): Promise<void> {
    for (const change of [...this.#volume.changes.values()]) await this.#lookAt(change);
    this.#volume.eager.tidy();
  }

  async #lookAt(change: Change): Promise<void> {
    const { wish } = change;
    if (wish.kind !== "file" || change.dueMs !== Infinity) return;
    await this.#save(change);
    const now = this.#volume.options.clock.monotonicMs();
    if (now - wish.inode.changedMs > QUIET_MS) this.#volume.writeBack.schedule(change);
  }

  async #save({ key, wish }: Change): Promise<void> {
    if (wish.kind !== "file") return;
    try {
      await this.#volume.changes.save(wish.inode);
    } catch (error) {
      this.#volume.options.log.error("Cannot journal {key}: {error}", { key, error });
    }
  }

  /** Removes the parts of uploads whose file has gone to another name, or nowhere. */
  async #removeUnwanted(): Promise<void> {
    const { changes, uploads, closing, options } = this.#volume;
    for (const key of uploads.keys()) {
      const isWanted = () => {
        const change = changes.get(key);
        return change?.running === true || change?.wish.kind === "file";
      };
      if (isWanted()) continue;
      try {
        await uploads.remove(key, isWanted, closing.signal);
      } catch (error) {
        if (closing.signal.aborted) return;
        options.log.warn("Cannot remove an unwanted upload of {key}: {error}", { key, error });
      }
    }
  }
}
