/** Looks at the journal of a daemon that does not run, without changing anything. */
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../base/message_of.ts";
import { type JournalCount, OWN_VOLUME, pragma, SCHEMA_VERSION } from "./connection.ts";
import { withJournalCopy } from "./journal_copy.ts";

export interface JournalHealth {
  /** What is wrong with the file; undefined: it is sound. */
  readonly damage: string | undefined;
  /** What waits in it; empty when it cannot be read. */
  readonly counts: readonly JournalCount[];
}

/** Undefined when there is none in `directory`, whose lock the caller holds. It is a copy that is looked at. */
export async function inspectJournal(directory: string): Promise<JournalHealth | undefined> {
  return await withJournalCopy(directory, inspect);
}

function inspect(path: string): JournalHealth {
  let connection: DatabaseSync | undefined;
  try {
    connection = new DatabaseSync(path);
    const version = Number(pragma(connection, "user_version"));
    if (version > SCHEMA_VERSION) {
      return { damage: `it is of version ${version}, which a newer program wrote`, counts: [] };
    }
    const result = String(pragma(connection, "quick_check(1)"));
    if (result !== "ok") return { damage: result.replace(/^\*.*\n/, ""), counts: [] };
    // A daemon that ended right after making the file has left it empty.
    if (version === 0) return { damage: undefined, counts: [] };
    const rows = connection.prepare(
      "SELECT volume, kind, count(*) AS count FROM entries WHERE volume <> ? GROUP BY 1, 2",
    ).all(OWN_VOLUME);
    const counts = rows.map(({ volume, kind, count }) => ({
      volume: String(volume),
      kind: String(kind),
      count: Number(count),
    }));
    return { damage: undefined, counts };
  } catch (error) {
    return { damage: messageOf(error), counts: [] };
  } finally {
    connection?.close();
  }
}
