/** SQLite's result codes (sqlite.org/rescode.html), as far as they call for different answers. */
import { messageOf } from "../base/message_of.ts";
import { JournalError } from "./journal_error.ts";

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** The primary result code of an error of node:sqlite; undefined for other errors. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  // The upper bits refine the code.
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/** The file is not what SQLite wrote: it will not get better. */
export function isDamage(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}

export function isFull(error: unknown): boolean {
  return resultCode(error) === SQLITE_FULL ||
    (error instanceof Error && "code" in error && error.code === "ENOSPC");
}

/** Why `action` failed on the file `path`, and what to do. */
export function journalFailure(action: string, path: string, error: unknown): JournalError {
  if (error instanceof JournalError) return error;
  const where = `Cannot ${action} "${path}"`;
  const options = { cause: error };
  if (isFull(error)) {
    const message = `${where}: the disk is full; make room on the disk of the state directory`;
    return new JournalError("full", message, options);
  }
  const text = messageOf(error);
  if (isDamage(error)) {
    const advice = "the file is damaged; restart the daemon: it keeps what can still be read";
    return new JournalError("io", `${where}: ${text}; ${advice}`, options);
  }
  const advice = resultCode(error) === SQLITE_BUSY
    ? "another program has it open; close that"
    : "check the disk and the permissions of the state directory";
  return new JournalError("io", `${where}: ${text}; ${advice}`, options);
}
