/**
 * A damaged journal is replaced by a new one with all rows that can still be read:
 *
 *   1. the rows go to journal.salvaged.db, complete and synced before it gets that name;
 *   2. journal.db and its log are moved to lost+found;
 *   3. journal.salvaged.db becomes journal.db.
 *
 * After a crash in between, the next start goes on at step 2, or begins again.
 */
import type { DatabaseSync } from "node:sqlite";
import { dirname, join } from "node:path";
import { ifThereSync } from "../base/if_there.ts";
import {
  type DamagedError,
  type JournalRow,
  openConnection,
  OWN_VOLUME,
  pragma,
} from "./connection.ts";

/** So often is reading tried behind damage, each time from the next id: two seconds at most. */
const PROBES_MAX = 100_000;

/** In the directory of what was set aside: what and why, as long as somebody leaves it there. */
const REPORT = "journal-report.txt";

/** The files of a database: its own, the write-ahead log, and what other versions may have left. */
const SUFFIXES = ["", "-wal", "-shm", "-journal"];

interface FoundRow extends JournalRow {
  readonly id: number;
}

function salvagedPath(path: string): string {
  return `${path.replace(/\.db$/, "")}.salvaged.db`;
}

/** Replaces the damaged file at `path`; `aside` gets it, with a report. */
export function replaceDamaged(path: string, aside: string, damage: DamagedError): void {
  const rows = (damage.connection === undefined ? [] : readableRows(damage.connection))
    .filter(({ volume }) => volume !== OWN_VOLUME);
  damage.connection?.close();
  const salvaged = salvagedPath(path);
  const unfinished = `${salvaged}.new`;
  removeDatabase(unfinished);
  writeRows(unfinished, rows);
  Deno.renameSync(unfinished, salvaged);
  const count = rows.length === 1 ? "1 record" : `${rows.length} records`;
  finishReplacement(path, aside, ` (${damage.message})`, `${count} could be read and are kept`);
}

/** Does what is left to do of a replacement, if there was one. */
export function finishReplacement(
  path: string,
  aside: string,
  why = "",
  kept = "what could be read is kept",
): void {
  const salvaged = salvagedPath(path);
  if (!exists(salvaged)) return;
  report(aside, `The journal was damaged${why} and is set aside in "${aside}"; ${kept}`);
  for (const suffix of SUFFIXES) {
    if (exists(path + suffix)) Deno.renameSync(path + suffix, join(aside, `journal.db${suffix}`));
  }
  // An old log beside the new file would be played into it: all moves must hold before the last one.
  syncDirectory(dirname(path));
  Deno.renameSync(salvaged, path);
  syncDirectory(dirname(path));
}

/** Moves rows that are not JSON to a file in `aside`, a line of JSON each, with a report. */
export function setAsideUnparsable(connection: DatabaseSync, aside: string): void {
  const rows = connection.prepare(
    `SELECT id, volume, kind, key, value FROM entries
     WHERE NOT (json_valid(key) AND json_type(key) = 'text' AND json_valid(value))`,
  ).all().map(foundRow);
  if (rows.length === 0) return;
  const path = join(aside, "records.jsonl");
  const count = rows.length === 1 ? "1 record" : `${rows.length} records`;
  report(aside, `${count} of the journal could not be understood and are set aside in "${path}"`);
  append(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  // First: no volume is whole any more.
  connection.prepare("DELETE FROM entries WHERE volume = ?").run(OWN_VOLUME);
  const remove = connection.prepare("DELETE FROM entries WHERE id = ?");
  for (const { id } of rows) remove.run(id);
}

/** What was set aside so far and is still there: a line each, for people. */
export function reports(lostAndFound: string): string[] {
  if (!exists(lostAndFound)) return [];
  const lines: string[] = [];
  for (const { name } of Deno.readDirSync(lostAndFound)) {
    const path = join(lostAndFound, name, REPORT);
    if (exists(path)) lines.push(...Deno.readTextFileSync(path).trimEnd().split("\n"));
  }
  return lines;
}

function report(aside: string, line: string): void {
  Deno.mkdirSync(aside, { recursive: true, mode: 0o700 });
  append(join(aside, REPORT), `${line.replaceAll("\n", " ")}\n`);
}

function append(path: string, text: string): void {
  using file = Deno.openSync(path, { write: true, create: true, append: true, mode: 0o600 });
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
  file.syncSync();
}

/** All rows that can be read, in their order. */
function readableRows(connection: DatabaseSync): FoundRow[] {
  const columns = "SELECT id, volume, kind, key, value FROM entries";
  const found = new Map<number, FoundRow>();
  try {
    const backwards = connection.prepare(`${columns} ORDER BY id DESC`);
    const forwards = connection.prepare(`${columns} WHERE id >= ? ORDER BY id`);
    // What ends before damage and what begins behind it: the rest is tried from one id after another.
    const end = collect(backwards.iterate(), found) ?? Infinity;
    let failures = 0;
    for (let id = 0; id < end && failures < PROBES_MAX;) {
      const last = collect(forwards.iterate(id), found);
      if (last === undefined) failures++;
      id = (last ?? id) + 1;
    }
  } catch {
    // Not even the schema can be read.
  }
  return [...found.values()].sort((a, b) => a.id - b.id);
}

/** Reads as far as possible; returns the id of the last row, or undefined when there was none. */
function collect(
  rows: Iterable<Record<string, unknown>>,
  found: Map<number, FoundRow>,
): number | undefined {
  let last: number | undefined;
  try {
    for (const row of rows) {
      const one = foundRow(row);
      found.set(one.id, one);
      last = one.id;
    }
  } catch {
    // The damage. It may also end the iteration as if there were no more rows: nobody trusts an end.
  }
  return last;
}

function foundRow(row: Record<string, unknown>): FoundRow {
  return {
    id: Number(row["id"]),
    volume: String(row["volume"]),
    kind: String(row["kind"]),
    key: String(row["key"]),
    value: String(row["value"]),
  };
}

/** Makes a database of one file, without a log beside it. */
function writeRows(path: string, rows: readonly FoundRow[]): void {
  const connection = openConnection(path);
  try {
    // A damaged tree may show a row twice: the first stays.
    const insert = connection.prepare(
      "INSERT OR IGNORE INTO entries (volume, kind, key, value) VALUES (?, ?, ?, ?)",
    );
    connection.prepare("BEGIN").run();
    for (const { volume, kind, key, value } of rows) insert.run(volume, kind, key, value);
    connection.prepare("COMMIT").run();
    pragma(connection, "journal_mode = DELETE");
  } finally {
    connection.close();
  }
}

function removeDatabase(path: string): void {
  for (const suffix of SUFFIXES) if (exists(path + suffix)) Deno.removeSync(path + suffix);
}

function exists(path: string): boolean {
  return ifThereSync(() => Deno.lstatSync(path)) !== undefined;
}

/** Makes what was renamed in a directory durable. */
function syncDirectory(path: string): void {
  using directory = Deno.openSync(path);
  directory.syncSync();
}
