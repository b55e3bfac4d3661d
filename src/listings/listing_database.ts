/**
 * Listings on disk, so that a directory can be shown at once after a restart. A listing is saved in
 * parts of some hundred names; its row is put when all parts are there. Every save has a generation
 * of its own, greater than all before: whoever knows that something was changed after a generation
 * can tell which rows are outdated (outdated_listings.ts).
 *
 * Nothing is ever synced here: writes cost the thread that serves the mounts less than a millisecond.
 * A power cut may bring back older rows or damage the file. The first is found by the generation, the
 * second by SQLite or by the sums that go with each part.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ifThere, ifThereSync } from "../base/if_there.ts";
import type { Logger } from "../base/log.ts";
import type { OutdatedMark } from "./outdated_listings.ts";

/** A file of another shape is thrown away: everything in it can be asked for again. */
const SCHEMA_VERSION = 1;
/** Names kept in all rows together; beyond, those saved longest ago go. */
const NAMES_MAX = 1_000_000;
/** So many pages of 4 KiB go from the log to the file at a time: less than 2 ms. */
const CHECKPOINT_PAGES = 250;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS listings (
    volume TEXT NOT NULL, prefix TEXT NOT NULL, generation INTEGER NOT NULL UNIQUE,
    parts INTEGER NOT NULL, names INTEGER NOT NULL, listed_ms REAL NOT NULL, marker INTEGER NOT NULL,
    PRIMARY KEY (volume, prefix)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS parts (
    generation INTEGER NOT NULL, part INTEGER NOT NULL, body TEXT NOT NULL, sum INTEGER NOT NULL,
    PRIMARY KEY (generation, part)
  )`;

/** One directory. */
export interface ListingRow {
  readonly prefix: string;
  readonly generation: number;
  readonly parts: number;
  readonly names: number;
  /** Of the LIST, milliseconds since the epoch. */
  readonly listedAtMs: number;
  readonly hasMarker: boolean;
}

/** One database for all mounts; a mount uses it through `of(volume)`. */
export class ListingDatabase {
  readonly path: string;
  readonly #log: Logger;
  #connection: DatabaseSync | undefined;
  readonly #statements = new Map<string, StatementSync>();
  #lastGeneration = 0;
  #names = 0;

  /** Opens or makes the file. What cannot be opened is thrown away; failing that, nothing is kept. */
  constructor(path: string, log: Logger) {
    this.path = path;
    this.#log = log;
    try {
      this.#connection = open(path);
    } catch {
      this.#replace();
    }
    // Parts that no row has are deleted, and an empty directory has none.
    const [last] = this.all("SELECT max(generation) AS generation FROM listings", []);
    this.#lastGeneration = Number(last?.["generation"] ?? 0);
    const [total] = this.all("SELECT sum(names) AS names FROM listings", []);
    this.#names = Number(total?.["names"] ?? 0);
  }

  /** True when nothing is kept any more, and what was kept may be in the file still. */
  get isBroken(): boolean {
    return this.#connection === undefined;
  }

  /** That of the newest row, or greater. */
  get lastGeneration(): number {
    return this.#lastGeneration;
  }

  /** `volume` names the bucket and prefix among all endpoints. */
  of(volume: string): ListingRows {
    return new ListingRows(this, volume);
  }

  /** A number greater than that of every row, and than all numbers given or told before. */
  nextGeneration(): number {
    return ++this.#lastGeneration;
  }

  /** Some row had this generation, which may be lost. */
  noteGeneration(generation: number): void {
    this.#lastGeneration = Math.max(this.#lastGeneration, generation);
  }

  /** Resolves when everything written is safe from a power cut. */
  async sync(): Promise<void> {
    if (this.#connection === undefined) return;
    for (const path of [this.path, `${this.path}-wal`]) {
      // There is no log before the first write.
      using file = await ifThere(Deno.open(path));
      await file?.sync();
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Runs one statement. When the database is broken it has no rows, and is no longer used. */
  all(sql: string, values: readonly (string | number)[]): readonly Record<string, unknown>[] {
    const connection = this.#connection;
    if (connection === undefined) return [];
    try {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = connection.prepare(sql);
        this.#statements.set(sql, statement);
      }
      return statement.all(...values);
    } catch (error) {
      this.#giveUp(error);
      return [];
    }
  }

  /** Counts names that were added or, below 0, removed. */
  countNames(change: number): void {
    this.#names += change;
  }

  /** Deletes the oldest rows until there are no more names than may be. */
  makeRoom(): void {
    while (this.#names > NAMES_MAX) {
      const sql = "SELECT volume, prefix FROM listings ORDER BY generation LIMIT 1";
      const [row] = this.all(sql, []);
      if (row === undefined) return;
      this.of(String(row["volume"])).delete(String(row["prefix"]));
    }
  }

  #giveUp(error: unknown): void {
    this.#log.warn("Cannot use {path}, listings are not kept: {error}", { path: this.path, error });
    this.close();
    this.#statements.clear();
  }

  #replace(): void {
    try {
      for (const path of [this.path, `${this.path}-wal`, `${this.path}-shm`]) {
        ifThereSync(() => Deno.removeSync(path));
      }
      this.#connection = open(this.path);
    } catch (error) {
      this.#giveUp(error);
    }
  }
}

/** The listings of one volume. Directories are named by their prefix ("" or "a/b/"). */
export class ListingRows {
  readonly database: ListingDatabase;
  readonly #volume: string;

  constructor(database: ListingDatabase, volume: string) {
    this.database = database;
    this.#volume = volume;
  }

  get(prefix: string): ListingRow | undefined {
    const sql = "SELECT * FROM listings WHERE volume = ? AND prefix = ?";
    const [row] = this.database.all(sql, [this.#volume, prefix]);
    return row === undefined ? undefined : decodeRow(row);
  }

  /** True when there is a row of a directory in the tree. */
  hasBelow(prefix: string): boolean {
    const sql = `SELECT 1 AS one FROM listings ${BELOW} LIMIT 1`;
    return this.database.all(sql, [this.#volume, prefix, prefix]).length > 0;
  }

  /** Puts one part of a listing that is being saved. */
  putPart(generation: number, part: number, body: string): void {
    this.database.all("INSERT INTO parts VALUES (?, ?, ?, ?)", [
      generation,
      part,
      body,
      this.#sum(generation, part, body),
    ]);
  }

  /** Puts a listing whose parts are all there, in place of the one before. */
  put({ prefix, generation, parts, names, listedAtMs, hasMarker }: ListingRow): void {
    this.delete(prefix);
    this.database.all("INSERT INTO listings VALUES (?, ?, ?, ?, ?, ?, ?)", [
      this.#volume,
      prefix,
      generation,
      parts,
      names,
      listedAtMs,
      hasMarker ? 1 : 0,
    ]);
    this.database.countNames(names);
    this.database.makeRoom();
  }

  /** One part of a listing; undefined when it is not what was put. */
  part({ generation }: ListingRow, part: number): string | undefined {
    const sql = "SELECT body, sum FROM parts WHERE generation = ? AND part = ?";
    const [row] = this.database.all(sql, [generation, part]);
    const body = row?.["body"];
    if (typeof body !== "string") return undefined;
    return this.#sum(generation, part, body) === row?.["sum"] ? body : undefined;
  }

  delete(prefix: string): void {
    const row = this.get(prefix);
    if (row === undefined) return;
    this.database.all("DELETE FROM listings WHERE volume = ? AND prefix = ?", [
      this.#volume,
      prefix,
    ]);
    this.deleteParts(row.generation);
    this.database.countNames(-row.names);
  }

  /** For a listing that is not saved to its end. */
  deleteParts(generation: number): void {
    this.database.all("DELETE FROM parts WHERE generation = ?", [generation]);
  }

  /** Deletes what a mark tells of. */
  deleteOutdated({ prefix, generation, isTree }: OutdatedMark): void {
    const rows = isTree ? this.#below(prefix) : [this.get(prefix)];
    for (const row of rows) {
      if (row !== undefined && row.generation <= generation) this.delete(row.prefix);
    }
  }

  /** Deletes the listings of a directory and all below. */
  deleteBelow(prefix: string): void {
    for (const row of this.#below(prefix)) this.delete(row.prefix);
  }

  #below(prefix: string): ListingRow[] {
    const sql = `SELECT * FROM listings ${BELOW}`;
    return this.database.all(sql, [this.#volume, prefix, prefix]).map(decodeRow);
  }

  /** A sum over what the part is and where it belongs. */
  #sum(generation: number, part: number, body: string): number {
    return sumOf(`${this.#volume}\n${generation} ${part}\n`, sumOf(body, 0));
  }
}

/** U+10FFFF is behind every other character. */
const BELOW = "WHERE volume = ? AND prefix >= ? AND prefix < ? || char(0x10ffff)";

function open(path: string): DatabaseSync {
  // SQLite gives the log the permissions of the file.
  if (path !== ":memory:") Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
  const connection = new DatabaseSync(path);
  try {
    // One process has it: the shared-memory file is not needed.
    connection.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
    connection.exec(`PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const version = connection.prepare("PRAGMA user_version").get()?.["user_version"];
    if (version !== SCHEMA_VERSION) {
      connection.exec("DROP TABLE IF EXISTS listings; DROP TABLE IF EXISTS parts");
      connection.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    }
    connection.exec(SCHEMA);
    // Of listings that were not saved to their end.
    connection.exec("DELETE FROM parts WHERE generation NOT IN (SELECT generation FROM listings)");
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function decodeRow(row: Record<string, unknown>): ListingRow {
  return {
    prefix: String(row["prefix"]),
    generation: Number(row["generation"]),
    parts: Number(row["parts"]),
    names: Number(row["names"]),
    listedAtMs: Number(row["listed_ms"]),
    hasMarker: row["marker"] === 1,
  };
}

/** FNV-1a over UTF-16 units. */
function sumOf(text: string, start: number): number {
  let sum = (start ^ 0x811c9dc5) >>> 0;
  for (let i = 0; i < text.length; i++) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return sum;
}
