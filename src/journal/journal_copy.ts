/** A copy of a journal, for who wants to look at it. */
import { join } from "node:path";
import { ifThere } from "../base/if_there.ts";

/**
 * What `look` returns of a copy of the journal in `directory`, whose path it is given; undefined when
 * there is none. SQLite would have to write to the file itself, which it opens alone, to read what is in
 * its log.
 */
export async function withJournalCopy<T>(
  directory: string,
  look: (path: string) => T,
): Promise<T | undefined> {
  const copy = await Deno.makeTempDir({ prefix: "cloudmount-journal-" });
  try {
    const path = join(copy, "journal.db");
    if (!await copyIfThere(join(directory, "journal.db"), path)) return undefined;
    await copyIfThere(join(directory, "journal.db-wal"), `${path}-wal`);
    return look(path);
  } finally {
    await Deno.remove(copy, { recursive: true });
  }
}

async function copyIfThere(from: string, to: string): Promise<boolean> {
  return await ifThere(Deno.copyFile(from, to).then(() => true)) ?? false;
}
