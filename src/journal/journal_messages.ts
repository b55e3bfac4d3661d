/** What the journal and its worker say to each other. */
import type { JournalPlaces, RowCommit } from "./journal_database.ts";
import type { JournalCount, JournalRow } from "./connection.ts";
import type { JournalErrorReason } from "./journal_error.ts";

/** Answered in the order in which they were sent. */
export type JournalRequest =
  | { readonly open: JournalPlaces }
  | { readonly load: string }
  | { readonly count: true }
  | { readonly commit: readonly RowCommit[] }
  | { readonly close: true };

/** A `JournalError` on its way between threads. */
export interface JournalFailure {
  readonly reason: JournalErrorReason;
  readonly message: string;
}

export type JournalAnswer =
  | { readonly opened: { readonly problems: readonly string[]; readonly whole: readonly string[] } }
  | { readonly loaded: readonly JournalRow[] }
  | { readonly counts: readonly JournalCount[] }
  /** For each commit why it was not stored, or null. */
  | { readonly committed: readonly (JournalFailure | null)[] }
  | { readonly closed: true }
  | { readonly failed: JournalFailure };
