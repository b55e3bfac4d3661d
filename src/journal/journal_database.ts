/**
 * The journal as a synchronous database. It blocks for as long as the disk takes, so the program uses it
 * in a worker only.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { dirname, join } from "node:path";
import { dropBallast, takeBallast } from "./ballast.ts";
import {
  DamagedError,
  type JournalCount,
  type JournalRow,
  openConnection,
  OWN_VOLUME,
  WHOLE,
} from "./connection.ts";
import type { JournalError } from "./journal_error.ts";
import { makeLogRoom } from "./log_room.ts";
import { finishReplacement, replaceDamaged, reports, setAsideUnparsable } from "./rescue.ts";
import { isFull, journalFailure } from "./sqlite_failure.ts";

/** `value` is JSON, or null to delete the row; `key` is JSON too. */
export interface RowChange {
  readonly kind: string;
  readonly key: string;
  readonly value: string | null;
}

/** Changes that are stored together or not at all. */
export interface RowCommit {
  readonly volume: string;
  readonly changes: readonly RowChange[];
  /** What it says lets files go: it is taken also when the disk is full, as long as that is possible. */
  readonly makesRoom: boolean;
}

export interface JournalPlaces {
  /** Where journal.db is; must be there. */
  readonly directory: string;
  /** Where damaged files and rows are set aside; made when it is needed. */
  readonly lostAndFound: string;
}

export class JournalDatabase {
  readonly path: string;
  /** What was set aside, now or earlier, and is still there: what and where, for people. */
  readonly problems: readonly string[];
  readonly #connection: DatabaseSync;
  readonly #ballast: string;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #select: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  /** The disk is full: the ballast is away. */
  #isTight = false;

  /** Opens or makes journal.db; damage is set aside. `nowMs`, since the epoch, goes into names. Throws `JournalError`. */
  static open(places: JournalPlaces, nowMs: number): JournalDatabase {
    const path = join(places.directory, "journal.db");
    const aside = join(
      places.lostAndFound,
      `journal-${new Date(nowMs).toISOString().replaceAll(":", "-")}`,
    );
    try {
      finishReplacement(path, aside);
      const connection = openOrReplace(path, aside);
      setAsideUnparsable(connection, aside);
      return new JournalDatabase(path, connection, reports(places.lostAndFound));
    } catch (error) {
      throw journalFailure("open the journal", path, error);
    }
  }

  private constructor(path: string, connection: DatabaseSync, problems: readonly string[]) {
    this.path = path;
    this.problems = problems;
    this.#connection = connection;
    this.#begin = connection.prepare("BEGIN IMMEDIATE");
    this.#commit = connection.prepare("COMMIT");
    this.#rollback = connection.prepare("ROLLBACK");
    this.#select = connection.prepare(
      "SELECT volume, kind, key, value FROM entries WHERE volume = ? ORDER BY id",
    );
    this.#put = connection.prepare(
      `INSERT INTO entries (volume, kind, key, value) VALUES (?, ?, ?, ?)
       ON CONFLICT (volume, kind, key) DO UPDATE SET value = excluded.value`,
    );
    this.#delete = connection.prepare(
      "DELETE FROM entries WHERE volume = ? AND kind = ? AND key = ?",
    );
    this.#ballast = join(dirname(path), "journal.ballast");
    this.#loosen();
    // The ballast comes first.
    if (!this.#isTight) makeLogRoom(path);
  }

  /** All rows of a volume, in the order of insertion. */
  load(volume: string): JournalRow[] {
    try {
      return this.#select.all(volume).map((row) => ({
        volume,
        kind: String(row["kind"]),
        key: String(row["key"]),
        value: String(row["value"]),
      }));
    } catch (error) {
      throw journalFailure("read the journal", this.path, error);
    }
  }

  /** The volumes of which no row was lost; see `WHOLE`. */
  whole(): string[] {
    return this.load(OWN_VOLUME).filter(({ kind }) => kind === WHOLE)
      .map(({ key }) => String(JSON.parse(key)));
  }

  /** How many rows of each kind each volume has, the journal's own left out. */
  count(): JournalCount[] {
    try {
      return this.#connection.prepare(
        "SELECT volume, kind, count(*) AS count FROM entries WHERE volume <> ? GROUP BY 1, 2",
      ).all(OWN_VOLUME).map((row) => ({
        volume: String(row["volume"]),
        kind: String(row["kind"]),
        count: Number(row["count"]),
      }));
    } catch (error) {
      throw journalFailure("read the journal", this.path, error);
    }
  }

  /**
   * Stores commits in their order, durably, in one transaction if possible. Returns for each why it was not
   * stored, or undefined.
   */
  commit(commits: readonly RowCommit[]): (JournalError | undefined)[] {
    if (!this.#isTight) {
      const failure = this.#store(commits);
      if (failure === undefined) return commits.map(() => undefined);
      if (isFull(failure)) this.#tighten();
    }
    return commits.map((one) => {
      const error = this.#storeAlone(one);
      return error === undefined
        ? undefined
        : journalFailure("write to the journal", this.path, error);
    });
  }

  close(): void {
    this.#connection.close();
  }

  /** One transaction; returns what went wrong: then nothing of it is stored. */
  #store(commits: readonly RowCommit[]): unknown {
    try {
      this.#begin.run();
      for (const { volume, changes } of commits) {
        for (const { kind, key, value } of changes) {
          if (value === null) this.#delete.run(volume, kind, key);
          else this.#put.run(volume, kind, key, value);
        }
      }
      this.#commit.run();
      return undefined;
    } catch (error) {
      // After some errors SQLite has rolled back by itself.
      if (this.#connection.isTransaction) this.#rollback.run();
      return error;
    }
  }

  /**
   * As `#store`. On a full disk only what makes room is taken until there is room again; the room that
   * the ballast held is for that.
   */
  #storeAlone(commit: RowCommit): unknown {
    const makesRoom = commit.makesRoom || commit.changes.every(({ value }) => value === null);
    if (this.#isTight && !makesRoom) {
      const failure = this.#loosen();
      if (failure !== undefined) return failure;
    }
    const failure = this.#store([commit]);
    if (!isFull(failure)) return failure;
    this.#tighten();
    return this.#store([commit]);
  }

  /** Drops the ballast and folds the log into the file: then the log is overwritten from its start. */
  #tighten(): void {
    this.#isTight = true;
    try {
      dropBallast(this.#ballast);
      this.#connection.prepare("PRAGMA wal_checkpoint(RESTART)").get();
    } catch {
      // The commits that follow tell what is wrong.
    }
  }

  /** Returns why the disk must be taken for full, if so. */
  #loosen(): unknown {
    try {
      takeBallast(this.#ballast);
      this.#isTight = false;
      return undefined;
    } catch (error) {
      this.#isTight = true;
      return error;
    }
  }
}

function openOrReplace(path: string, aside: string): DatabaseSync {
  try {
    return openConnection(path);
  } catch (error) {
    if (!(error instanceof DamagedError)) throw error;
    replaceDamaged(path, aside, error);
    return openConnection(path);
  }
}
