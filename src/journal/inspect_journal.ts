/** Looks at the journal of a daemon that does not run, without changing anything. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ifThere } from "../base/if_there.ts";
import { messageOf } from "../base/message_of.ts";
import { type JournalCount, OWN_VOLUME, pragma, SCHEMA_VERSION } from "./connection.ts";

export interface JournalHealth {
  /** What is wrong with the file; undefined: it is sound. */
  readonly damage: string | undefined;
  /** What waits in it; empty when it cannot be read. */
  readonly counts: readonly JournalCount[];
}

/**
 * Undefined when there is none in `directory`, whose lock the caller holds. It is a copy that is looked
 * at: SQLite would have to write to the file, which it opens alone, to read what is in its log.
 */
export async function inspectJournal(directory: string): Promise<JournalHealth | undefined> {
  const copy = await Deno.makeTempDir({ prefix: "cloudmount-journal-" });
  try {
    const path = join(copy, "journal.db");
    if (!await copyIfThere(join(directory, "journal.db"), path)) return undefined;
    await copyIfThere(join(directory, "journal.db-wal"), `${path}-wal`);
    return inspect(path);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
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

async function copyIfThere(from: string, to: string): Promise<boolean> {
  return await ifThere(Deno.copyFile(from, to).then(() => true)) ?? false;
}
