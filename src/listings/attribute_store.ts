/**
 * What this machine knows of objects' POSIX attributes, kept on disk: LIST does not tell metadata, so
 * what was set here (or fetched once) is remembered per ETag. The objects' own metadata is the truth;
 * losing this file loses no more than the need to ask again, so it is not synced at every change.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { PosixAttributes } from "./posix_metadata.ts";

/** One remembered name of a directory. */
export interface AttributeRow {
  readonly name: string;
  /** Of the content that the attributes go with; "" for directories, which have none. */
  readonly etag: string;
  readonly attributes: PosixAttributes;
}

/** A table of another shape is thrown away: everything in it can be asked for again. */
const SCHEMA_VERSION = 3;
/** A listing that does not show a name may be older than what is remembered of it, by so much at most. */
const LISTING_AGE_MAX_S = 600;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS attributes (
    bucket TEXT NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL,
    attributes TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (bucket, directory, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS expected (
    bucket TEXT NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (bucket, directory, name)
  ) WITHOUT ROWID`;

/** One database for all mounts; a mount uses it through `of(bucket)`. */
export class AttributeDatabase {
  readonly #database: DatabaseSync;

  /** Opens or makes the file. Throws when it is not a database or cannot be written. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (this.#database.prepare("PRAGMA user_version").get()?.["user_version"] !== SCHEMA_VERSION) {
      this.#database.exec("DROP TABLE IF EXISTS attributes");
      this.#database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    }
    this.#database.exec(SCHEMA);
  }

  /** `bucket` names the bucket among all endpoints, for example by its URL. */
  of(bucket: string): AttributeStore {
    return new AttributeStore(this.#database, bucket);
  }

  close(): void {
    this.#database.close();
  }
}

/** The attributes known in one bucket. Directories are named by their prefix ("" or "a/b/"). */
export class AttributeStore {
  readonly #database: DatabaseSync;
  readonly #bucket: string;
  readonly #select: StatementSync;
  readonly #selectRange: StatementSync;
  readonly #selectOne: StatementSync;
  readonly #replace: StatementSync;
  readonly #expect: StatementSync;
  readonly #selectExpected: StatementSync;
  readonly #deleteExpected: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteOld: StatementSync;

  constructor(database: DatabaseSync, bucket: string) {
    this.#database = database;
    this.#bucket = bucket;
    this.#select = database.prepare(
      "SELECT * FROM attributes WHERE bucket = ? AND directory = ?",
    );
    // SQLite orders texts by their UTF-8 bytes, as S3 does keys.
    this.#selectRange = database.prepare(
      `SELECT * FROM attributes WHERE bucket = ? AND directory = ? AND name > ? AND name <= ?`,
    );
    this.#selectOne = database.prepare(
      "SELECT * FROM attributes WHERE bucket = ? AND directory = ? AND name = ?",
    );
    this.#replace = database.prepare(
      "INSERT OR REPLACE INTO attributes VALUES (?, ?, ?, ?, ?, unixepoch())",
    );
    this.#expect = database.prepare("INSERT OR IGNORE INTO expected VALUES (?, ?, ?)");
    this.#selectExpected = database.prepare(
      "SELECT name FROM expected WHERE bucket = ? AND directory = ? AND name > ? AND name <= ?",
    );
    this.#deleteExpected = database.prepare(
      "DELETE FROM expected WHERE bucket = ? AND directory = ? AND name = ?",
    );
    this.#delete = database.prepare(
      `DELETE FROM attributes
       WHERE bucket = ? AND directory = ? AND name = ? AND (etag = '') = ?`,
    );
    this.#deleteOld = database.prepare(
      `DELETE FROM attributes
       WHERE bucket = ? AND directory = ? AND name = ? AND since < unixepoch() - ?`,
    );
  }

  /** Everything known of the names in one directory. */
  directory(directory: string): AttributeRow[] {
    return this.#select.all(this.#bucket, directory).map(decodeRow);
  }

  /** The same of the names behind `after` up to `last`, in the order of their bytes. */
  range(directory: string, after: string, last: string): AttributeRow[] {
    return this.#selectRange.all(this.#bucket, directory, after, last).map(decodeRow);
  }

  /** What is known of one name. */
  get(directory: string, name: string): AttributeRow | undefined {
    const row = this.#selectOne.get(this.#bucket, directory, name);
    return row === undefined ? undefined : decodeRow(row);
  }

  /** Remembers (in place of what was known of this name). */
  set(directory: string, name: string, etag: string, attributes: PosixAttributes): void {
    this.together(() => {
      this.#replace.run(this.#bucket, directory, name, etag, JSON.stringify(attributes));
      this.#deleteExpected.run(this.#bucket, directory, name);
    });
  }

  /** Remembers that there will be another object of this name, until it or the name's end is told. */
  expect(directory: string, name: string): void {
    this.#expect.run(this.#bucket, directory, name);
  }

  /** The names behind `after` up to `last` of which another object is expected. */
  expected(directory: string, after: string, last: string): Set<string> {
    const rows = this.#selectExpected.all(this.#bucket, directory, after, last);
    return new Set(rows.map(({ name }) => String(name)));
  }

  /** Remembers many names of one directory. */
  setAll(directory: string, rows: readonly AttributeRow[]): void {
    this.together(() => {
      for (const row of rows) this.set(directory, row.name, row.etag, row.attributes);
    });
  }

  /**
   * Makes all changes of `work` one transaction, or a part of the one that is under way: by itself each
   * costs as much as ten in one. If `work` throws, none of them is made. Returns what `work` does.
   */
  together<T>(work: () => T): T {
    if (this.#database.isTransaction) return work();
    this.#database.exec("BEGIN");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Forgets a name if it is remembered as of this kind: a file and a directory may change places. */
  delete(directory: string, name: string, kind: "file" | "directory"): void {
    this.together(() => {
      this.#delete.run(this.#bucket, directory, name, kind === "directory" ? 1 : 0);
      if (kind === "file") this.#deleteExpected.run(this.#bucket, directory, name);
    });
  }

  /** Forgets a name that a listing did not show, unless the listing may be the older of the two. */
  deleteUnlisted(directory: string, name: string): void {
    this.#deleteOld.run(this.#bucket, directory, name, LISTING_AGE_MAX_S);
  }

  /** Everything below `from` is remembered below `to` as well (both end with "/"). */
  copyTree(from: string, to: string): void {
    this.#database.prepare(
      `INSERT OR REPLACE INTO attributes
       SELECT bucket, ?1 || substr(directory, length(?2) + 1), name, etag, attributes, unixepoch()
       FROM attributes
       WHERE bucket = ?3 AND directory >= ?2 AND directory < ?2 || char(0x10ffff)`,
    ).run(to, from, this.#bucket);
  }
}

function decodeRow(row: Record<string, unknown>): AttributeRow {
  return {
    name: String(row["name"]),
    etag: String(row["etag"]),
    attributes: JSON.parse(String(row["attributes"])),
  };
}
