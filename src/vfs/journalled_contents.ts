/**
 * Small files are made durable by the journal: their bytes go with their records, which costs one sync
 * of the disk instead of one for the bytes, one for the staged file's name, and one for the record.
 * Reads and uploads use the staged file all the same; the next start writes it anew.
 *
 * A content is put under the name of its staged file, in the transaction of the record that names it,
 * and goes in the transaction after which no record does.
 */
import { Buffer } from "node:buffer";
import type { StagingArea } from "../content/staging_area.ts";
import { SMALL_BYTES_MAX, type StagingFile } from "../content/staging_file.ts";
import type { JournalOp } from "../journal/journal.ts";

/** Kind of journal entries: the bytes of a staged file in base64, by its name. */
export const CONTENT = "content";

/** Of all contents in the journal: it is read whole at the next start, and the file never shrinks. */
const ALL_BYTES_MAX = 32 * 2 ** 20;

interface Snapshot {
  readonly state: number;
  readonly base64: string;
}

/** What a transaction says of contents, to be settled with its outcome. */
export interface ContentOps {
  readonly ops: readonly JournalOp[];
  stored(): void;
  failed(): void;
}

export class JournalledContents {
  readonly #staging: StagingArea;
  /** Not known to be in the journal yet: every commit of their records puts them. */
  readonly #taken = new WeakMap<StagingFile, Snapshot>();
  /** The `state` of which the journal has the bytes. */
  readonly #stored = new WeakMap<StagingFile, number>();
  /** Whose content the record of a key names, as of the last commit. */
  readonly #named = new Map<string, StagingFile>();
  /** Bytes of each content that is in the journal, or on its way. */
  readonly #sizes = new Map<StagingFile, number>();
  #bytes = 0;

  constructor(staging: StagingArea) {
    this.#staging = staging;
  }

  /** Takes what the file holds now, to go with the next commit of its record; false when it is too much. */
  take(staged: StagingFile): boolean {
    const { size, complete, state } = staged;
    // SQLite writes the bytes twice, to its log and to its file: of more, a sync of their own costs less.
    if (size > SMALL_BYTES_MAX || !complete) return false;
    if (this.#bytes - (this.#sizes.get(staged) ?? 0) + size > ALL_BYTES_MAX) return false;
    const bytes = new Uint8Array(size);
    staged.readPresent(bytes, 0);
    this.#taken.set(staged, { state, base64: Buffer.from(bytes.buffer).toString("base64") });
    return true;
  }

  /** True when the journal has what the file held in that state, or gets it with the next commit. */
  has(staged: StagingFile, state: number): boolean {
    return this.isStored(staged, state) || this.#taken.get(staged)?.state === state;
  }

  /** True when the journal has what the file held in that state. */
  isStored(staged: StagingFile, state: number): boolean {
    return this.#stored.get(staged) === state;
  }

  /** The record of `key`, of an earlier run, names this content, which is in the journal. */
  restored(key: string, staged: StagingFile): void {
    this.#stored.set(staged, staged.state);
    this.restoredOlder(key, staged);
  }

  /** As `restored`, but the journal has an older state of the file. */
  restoredOlder(key: string, staged: StagingFile): void {
    this.#named.set(key, staged);
    this.#enter(staged);
  }

  /**
   * What a transaction has to say of contents after which the records of these keys name those of these
   * files (undefined: none).
   */
  opsFor(naming: ReadonlyMap<string, StagingFile | undefined>): ContentOps {
    const ops: JournalOp[] = [];
    const put = new Map<StagingFile, Snapshot>();
    const before = new Map<string, StagingFile>();
    for (const [key, staged] of naming) {
      const present = this.#named.get(key);
      if (present !== undefined) before.set(key, present);
      if (staged === undefined) {
        this.#named.delete(key);
        continue;
      }
      this.#named.set(key, staged);
      const snapshot = this.#taken.get(staged);
      if (snapshot === undefined) continue;
      put.set(staged, snapshot);
      this.#enter(staged);
      const name = this.#staging.nameOf(staged);
      ops.push({ put: { kind: CONTENT, key: name, value: snapshot.base64 } });
    }
    const named = new Set(naming.values());
    for (const staged of before.values()) {
      if (named.has(staged)) continue;
      this.#stored.delete(staged);
      this.#leave(staged);
      ops.push({ delete: { kind: CONTENT, key: this.#staging.nameOf(staged) } });
    }
    return {
      ops,
      stored: () => {
        for (const [staged, snapshot] of put) {
          if (!this.#sizes.has(staged)) continue;
          this.#stored.set(staged, snapshot.state);
          this.#drop(staged, snapshot);
        }
      },
      failed: () => {
        for (const [staged, snapshot] of put) this.#drop(staged, snapshot);
        // The next commit of the key says it once more.
        for (const [key, staged] of before) {
          if (!this.#named.has(key)) this.#named.set(key, staged);
        }
      },
    };
  }

  #drop(staged: StagingFile, snapshot: Snapshot): void {
    if (this.#taken.get(staged) === snapshot) this.#taken.delete(staged);
  }

  #enter(staged: StagingFile): void {
    this.#leave(staged);
    this.#sizes.set(staged, staged.size);
    this.#bytes += staged.size;
  }

  #leave(staged: StagingFile): void {
    this.#bytes -= this.#sizes.get(staged) ?? 0;
    this.#sizes.delete(staged);
  }
}
