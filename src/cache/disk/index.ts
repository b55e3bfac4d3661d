/**
 * What is in the disk cache: extents by content and number, in the order of their use.
 *
 * The database has them all, up to what changed a moment ago; memory has those used lately, with
 * their latest state. A change is written by `flush`, which the owner calls soon, and a mere use at
 * leisure. Commits are not synced (a lost or damaged index costs requests, not data: every block has
 * its checksums), so none of the calls waits for the device.
 *
 * Invariant: what memory has of an extent is as new as or newer than its row.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { checksums, Extent, extentNumber } from "./extent.ts";

/** A table of another shape is thrown away with the files. */
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE volumes (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE extents (
    content TEXT NOT NULL, number INTEGER NOT NULL, volume INTEGER NOT NULL, used INTEGER NOT NULL,
    present INTEGER NOT NULL, bytes INTEGER NOT NULL, sums BLOB NOT NULL,
    PRIMARY KEY (content, number)
  ) WITHOUT ROWID;
  CREATE INDEX by_use ON extents (used);
  CREATE INDEX by_volume ON extents (volume, used, bytes);
  PRAGMA user_version = ${SCHEMA_VERSION}`;

/** 64 GiB of contents, and about 15 MB. */
const LOADED_MAX = 16_384;
/** Rows written in one go: about a millisecond. */
const FLUSH_ROWS = 128;
/** Of the oldest extents so many are asked for at a time. */
const OLDEST_ROWS = 64;

interface OldRow {
  readonly content: string;
  readonly number: number;
  readonly used: number;
}

export class DiskIndex {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;
  /** In the order of use, the latest last. Extents of which nothing is there spare asking again. */
  readonly #loaded = new Map<string, Extent>();
  /** Their rows are not as they are: because blocks came or went, or only because of a use. */
  readonly #changed = new Set<Extent>();
  readonly #used = new Set<Extent>();
  /** The oldest of one volume, or (0) of all, as the database had them a moment ago. */
  readonly #oldest = new Map<number, OldRow[]>();
  #clock: number;

  /**
   * Opens or makes the file. With `check`, damage is looked for. Throws when it cannot be used; it is
   * then to be deleted.
   */
  constructor(path: string, options: { readonly check: boolean }) {
    this.#database = new DatabaseSync(path);
    try {
      this.#database.exec(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; " +
          "PRAGMA wal_autocheckpoint = 256",
      );
      const version = this.#database.prepare("PRAGMA user_version").get()?.["user_version"];
      if (version === 0) this.#database.exec(SCHEMA);
      else if (version !== SCHEMA_VERSION) throw new Error(`It is of version ${version}`);
      if (options.check) this.#check();
      this.#statements = prepare(this.#database);
      this.#clock = Number(this.#statements.latest.get()?.["used"] ?? 0);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** The number of a volume, by the name that it keeps over restarts; larger than 0. */
  volume(name: string): number {
    this.#statements.addVolume.run(name);
    return Number(this.#statements.volume.get(name)!["id"]);
  }

  /** On disk, by volume. */
  bytesByVolume(): Map<number, number> {
    const rows = this.#statements.sums.all();
    return new Map(rows.map((row) => [Number(row["volume"]), Number(row["bytes"])]));
  }

  /** The extent as it is, or an empty one. */
  get(content: string, number: number): Extent {
    const key = keyOf(content, number);
    const loaded = this.#loaded.get(key);
    if (loaded !== undefined) return loaded;
    const row = this.#statements.find.get(content, number);
    const extent = row === undefined ? Extent.empty(content, number) : extentOf(row);
    this.#loaded.set(key, extent);
    if (this.#loaded.size > LOADED_MAX) this.#unload();
    return extent;
  }

  /** Whether a block, by its index in the content, is there. */
  has(content: string, index: number): boolean {
    return this.get(content, extentNumber(index)).has(index);
  }

  /** Enters a block that is on disk; false when it was there already, or its extent is another volume's. */
  enter(content: string, index: number, block: Uint8Array, volume: number): boolean {
    const extent = this.get(content, extentNumber(index));
    if (extent.has(index) || (!extent.isEmpty && extent.volume !== volume)) return false;
    extent.volume = volume;
    extent.add(index, block.byteLength, checksums(block));
    this.use(extent);
    this.changed(extent);
    return true;
  }

  /** Notes that the extent is being used. */
  use(extent: Extent): void {
    extent.used = ++this.#clock;
    const key = keyOf(extent.content, extent.number);
    this.#loaded.delete(key);
    this.#loaded.set(key, extent);
    this.#used.add(extent);
  }

  /** To be called after blocks of the extent came or went. */
  changed(extent: Extent): void {
    this.#changed.add(extent);
  }

  /** True when there is something to flush soon. */
  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** True when there is something to flush. */
  get isBehind(): boolean {
    return this.hasChanges || this.#used.size > 0;
  }

  /** The extent that was used longest ago, of one volume or of all; undefined when there is none. */
  oldest(volume = 0): Extent | undefined {
    for (;;) {
      const rows = this.#oldest.get(volume) ?? [];
      for (let row = rows[0]; row !== undefined; row = rows[0]) {
        const extent = this.get(row.content, row.number);
        if (!extent.isEmpty && extent.used === row.used) return extent;
        rows.shift();
        if (extent.isEmpty) continue;
        // Used since: its turn comes later, as far as these rows tell.
        const later = rows.findIndex(({ used }) => used > extent.used);
        if (later >= 0) rows.splice(later, 0, { ...row, used: extent.used });
        else this.#changed.add(extent);
      }
      // On a full disk the rows stay behind: then of those that memory knows.
      if (!this.#flushChanges()) return this.#oldestLoaded(volume);
      const found = volume === 0
        ? this.#statements.oldest.all(OLDEST_ROWS)
        : this.#statements.oldestOfVolume.all(volume, OLDEST_ROWS);
      if (found.length === 0) return undefined;
      this.#oldest.set(
        volume,
        found.map((row) => ({
          content: String(row["content"]),
          number: Number(row["number"]),
          used: Number(row["used"]),
        })),
      );
    }
  }

  /** All extents of a content that hold something. */
  extentsOf(content: string): Extent[] {
    this.#flushChanges();
    return this.#statements.ofContent.all(content)
      .map((row) => this.get(content, Number(row["number"])))
      .filter((extent) => !extent.isEmpty);
  }

  /** Writes some of what changed, or, when nothing did, some of what was used; false when the disk is full. */
  flush(): boolean {
    const from = this.hasChanges ? this.#changed : this.#used;
    const extents = [...from.values().take(FLUSH_ROWS)];
    if (extents.length === 0) return true;
    try {
      this.#statements.begin.run();
      for (const extent of extents) this.#write(extent);
      this.#statements.commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#statements.rollback.run();
      if (isDiskFull(error)) return false;
      throw error;
    }
    for (const extent of extents) {
      this.#changed.delete(extent);
      this.#used.delete(extent);
    }
    return true;
  }

  /** Writes everything and closes the file; false when the disk is full, and the file behind. */
  close(): boolean {
    try {
      while (this.isBehind) if (!this.flush()) return false;
      return true;
    } finally {
      this.#database.close();
    }
  }

  #flushChanges(): boolean {
    while (this.hasChanges) if (!this.flush()) return false;
    return true;
  }

  #oldestLoaded(volume: number): Extent | undefined {
    return this.#loaded.values().find((extent) =>
      !extent.isEmpty && (volume === 0 || extent.volume === volume)
    );
  }

  /** The extent used longest ago leaves memory. */
  #unload(): void {
    const [key, extent] = this.#loaded.entries().next().value!;
    try {
      if (this.#changed.has(extent) || this.#used.has(extent)) this.#write(extent);
    } catch (error) {
      // Then it stays until there is room.
      if (isDiskFull(error)) return;
      throw error;
    }
    this.#changed.delete(extent);
    this.#used.delete(extent);
    this.#loaded.delete(key);
  }

  #write(extent: Extent): void {
    const { content, number, volume, used, present, bytes, sums } = extent;
    if (extent.isEmpty) this.#statements.remove.run(content, number);
    else {
      const blob = new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength);
      this.#statements.replace.run(content, number, volume, used, present, bytes, blob);
    }
  }

  #check(): void {
    const row = this.#database.prepare("PRAGMA quick_check(1)").get();
    const result = row === undefined ? "no answer" : String(Object.values(row)[0]);
    if (result !== "ok") throw new Error(result);
  }
}

/** Source: sqlite.org/rescode.html; the upper bits refine the code. */
const SQLITE_FULL = 13;

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error &&
    (Number(error.errcode) & 0xff) === SQLITE_FULL;
}

type Statements = ReturnType<typeof prepare>;

function prepare(database: DatabaseSync): Readonly<
  Record<
    | "begin"
    | "commit"
    | "rollback"
    | "addVolume"
    | "volume"
    | "sums"
    | "latest"
    | "find"
    | "ofContent"
    | "oldest"
    | "oldestOfVolume"
    | "replace"
    | "remove",
    StatementSync
  >
> {
  const sql = (text: string) => database.prepare(text);
  return {
    // Not `exec`, whose errors do not carry SQLite's result code.
    begin: sql("BEGIN"),
    commit: sql("COMMIT"),
    rollback: sql("ROLLBACK"),
    addVolume: sql("INSERT OR IGNORE INTO volumes (name) VALUES (?)"),
    volume: sql("SELECT id FROM volumes WHERE name = ?"),
    sums: sql("SELECT volume, sum(bytes) AS bytes FROM extents GROUP BY volume"),
    latest: sql("SELECT max(used) AS used FROM extents"),
    find: sql("SELECT * FROM extents WHERE content = ? AND number = ?"),
    ofContent: sql("SELECT number FROM extents WHERE content = ?"),
    oldest: sql("SELECT content, number, used FROM extents ORDER BY used LIMIT ?"),
    oldestOfVolume: sql(
      "SELECT content, number, used FROM extents WHERE volume = ? ORDER BY used LIMIT ?",
    ),
    replace: sql("INSERT OR REPLACE INTO extents VALUES (?, ?, ?, ?, ?, ?, ?)"),
    remove: sql("DELETE FROM extents WHERE content = ? AND number = ?"),
  };
}

function keyOf(content: string, number: number): string {
  return `${content}:${number}`;
}

function extentOf(row: Record<string, unknown>): Extent {
  const blob = row["sums"] as Uint8Array;
  return new Extent({
    content: String(row["content"]),
    number: Number(row["number"]),
    volume: Number(row["volume"]),
    used: Number(row["used"]),
    present: Number(row["present"]),
    bytes: Number(row["bytes"]),
    // Copied, which also puts it where 32-bit numbers may lie.
    sums: new Uint32Array(blob.slice().buffer),
  });
}
