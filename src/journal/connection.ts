/** The journal's SQLite file: how it is opened, its schema, and whether it is sound. */
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../base/message_of.ts";
import { isDamage, journalFailure } from "./sqlite_failure.ts";
import { JournalError } from "./journal_error.ts";

/** To be raised with each change of the schema, which then needs a migration here. */
export const SCHEMA_VERSION = 1;

/**
 * `id` grows with each new row and stays when its value is replaced: the order of insertion. `key` and
 * `value` are JSON texts: node:sqlite would cut a plain text at its first NUL.
 */
const SCHEMA = `
  CREATE TABLE entries (
    id INTEGER PRIMARY KEY, volume TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL,
    value TEXT NOT NULL, UNIQUE (volume, kind, key)
  ) STRICT`;

/** The volume of the journal's own rows; those of its kind `WHOLE` have a volume's name as their key. */
export const OWN_VOLUME = "";

/**
 * Marks a volume of which no row was ever lost. It is put when the volume has been recovered, and does
 * not outlive damage: a journal that is new, salvaged or without some of its rows has no marks.
 */
export const WHOLE = "whole";

/** How many rows of one kind a volume has. */
export interface JournalCount {
  readonly volume: string;
  readonly kind: string;
  readonly count: number;
}

/** One row; `volume`, `kind` and `key` name it. */
export interface JournalRow {
  readonly volume: string;
  readonly kind: string;
  /** JSON. */
  readonly key: string;
  /** JSON. */
  readonly value: string;
}

/** The file cannot be used as it is. `connection` may still give some rows; whoever catches closes it. */
export class DamagedError extends Error {
  override readonly name = "DamagedError";
  readonly connection: DatabaseSync | undefined;

  constructor(why: string, connection?: DatabaseSync) {
    super(why);
    this.connection = connection;
  }
}

/**
 * Opens or makes the file, with every commit durable before it returns. Throws `DamagedError`, or
 * `JournalError` when the file is not damaged but cannot be opened, or is of a newer version.
 */
export function openConnection(path: string): DatabaseSync {
  const size = sizeOf(path);
  if (size === 0 && sizeOf(`${path}-wal`) > 0) {
    // SQLite would take the empty file for a new one and throw the log away.
    throw new DamagedError("the file is empty or gone, its write-ahead log is not");
  }
  // SQLite gives the log the permissions of the file.
  if (size === 0) Deno.writeFileSync(path, new Uint8Array(), { mode: 0o600 });
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path);
    prepareConnection(connection, path);
    return connection;
  } catch (error) {
    if (isDamage(error)) throw new DamagedError(messageOf(error), connection);
    if (error instanceof DamagedError) throw error;
    connection?.close();
    throw journalFailure("open the journal", path, error);
  }
}

function prepareConnection(connection: DatabaseSync, path: string): void {
  // One process has it, which spares the shared-memory file: writing to a mapped file on a full disk
  // would end the process. It must come before the first access.
  pragma(connection, "locking_mode = EXCLUSIVE");
  const version = Number(pragma(connection, "user_version"));
  if (version > SCHEMA_VERSION) {
    throw new JournalError(
      "closed",
      `Cannot open the journal "${path}": it is of version ${version}, and this program knows ` +
        `up to ${SCHEMA_VERSION}; start the newer version of cloudmount that wrote it`,
    );
  }
  pragma(connection, "journal_mode = WAL");
  pragma(connection, "synchronous = FULL");
  // macOS: fsync alone leaves data in the drive's cache.
  pragma(connection, "fullfsync = ON");
  pragma(connection, "checkpoint_fullfsync = ON");
  // The whole check, with the index against the table: 0.2 s for 100,000 rows.
  const result = String(pragma(connection, "integrity_check(1)"));
  if (result !== "ok") throw new DamagedError(result.replace(/^\*.*\n/, ""), connection);
  if (version === 0) {
    run(connection, "BEGIN IMMEDIATE");
    run(connection, SCHEMA);
    run(connection, `PRAGMA user_version = ${SCHEMA_VERSION}`);
    run(connection, "COMMIT");
  }
}

/** Runs a PRAGMA and returns the first column of its first row. */
export function pragma(connection: DatabaseSync, text: string): unknown {
  const row = connection.prepare(`PRAGMA ${text}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

/** Runs one statement. Errors of `DatabaseSync.exec` would not carry SQLite's result code. */
function run(connection: DatabaseSync, sql: string): void {
  connection.prepare(sql).run();
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw journalFailure("open the journal", path, error);
  }
}
