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

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS attributes (
    bucket TEXT NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL, etag TEXT NOT NULL,
    mode INTEGER, uid INTEGER, gid INTEGER, mtime_sec INTEGER, mtime_nsec INTEGER, target TEXT,
    PRIMARY KEY (bucket, directory, name)
  ) WITHOUT ROWID`;

/** One database for all mounts; a mount uses it through `of(bucket)`. */
export class AttributeDatabase {
  readonly #database: DatabaseSync;

  /** Opens or makes the file. Throws when it is not a database or cannot be written. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
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
  readonly #selectOne: StatementSync;
  readonly #replace: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, bucket: string) {
    this.#database = database;
    this.#bucket = bucket;
    this.#select = database.prepare(
      "SELECT * FROM attributes WHERE bucket = ? AND directory = ?",
    );
    this.#selectOne = database.prepare(
      "SELECT * FROM attributes WHERE bucket = ? AND directory = ? AND name = ?",
    );
    this.#replace = database.prepare(
      "INSERT OR REPLACE INTO attributes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    this.#delete = database.prepare(
      "DELETE FROM attributes WHERE bucket = ? AND directory = ? AND name = ?",
    );
  }

  /** Everything known of the names in one directory. */
  directory(directory: string): AttributeRow[] {
    return this.#select.all(this.#bucket, directory).map(decodeRow);
  }

  /** What is known of one name. */
  get(directory: string, name: string): AttributeRow | undefined {
    const row = this.#selectOne.get(this.#bucket, directory, name);
    return row === undefined ? undefined : decodeRow(row);
  }

  /** Remembers (in place of what was known of this name). */
  set(directory: string, name: string, etag: string, attributes: PosixAttributes): void {
    const { mode, uid, gid, mtime, target } = attributes;
    this.#replace.run(
      this.#bucket,
      directory,
      name,
      etag,
      mode ?? null,
      uid ?? null,
      gid ?? null,
      mtime?.sec ?? null,
      mtime?.nsec ?? null,
      target ?? null,
    );
  }

  /** Remembers many names of one directory in one transaction. */
  setAll(directory: string, rows: readonly AttributeRow[]): void {
    this.#database.exec("BEGIN");
    try {
      for (const row of rows) this.set(directory, row.name, row.etag, row.attributes);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  delete(directory: string, name: string): void {
    this.#delete.run(this.#bucket, directory, name);
  }

  /** A directory was renamed: everything below `from` is now below `to` (both end with "/"). */
  moveTree(from: string, to: string): void {
    this.#database.prepare(
      `UPDATE OR REPLACE attributes SET directory = ?1 || substr(directory, length(?2) + 1)
       WHERE bucket = ?3 AND directory >= ?2 AND directory < ?2 || char(0x10ffff)`,
    ).run(to, from, this.#bucket);
  }
}

function decodeRow(row: Record<string, unknown>): AttributeRow {
  return {
    name: String(row["name"]),
    etag: String(row["etag"]),
    attributes: {
      ...optional("mode", row["mode"]),
      ...optional("uid", row["uid"]),
      ...optional("gid", row["gid"]),
      ...(typeof row["mtime_sec"] === "number"
        ? { mtime: { sec: row["mtime_sec"], nsec: Number(row["mtime_nsec"]) } }
        : {}),
      ...(typeof row["target"] === "string" ? { target: row["target"] } : {}),
    },
  };
}

function optional<Name extends string>(
  name: Name,
  value: unknown,
): Partial<Record<Name, number>> {
  // A computed key widens to an index signature, hence the cast.
  return typeof value === "number" ? { [name]: value } as Record<Name, number> : {};
}
