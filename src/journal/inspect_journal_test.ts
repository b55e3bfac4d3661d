import assert from "node:assert/strict";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import { inspectJournal } from "./inspect_journal.ts";
import { JournalDatabase } from "./journal_database.ts";

function makeJournal(directory: string, rows: number): JournalDatabase {
  const places = { directory, lostAndFound: `${directory}/lost+found` };
  const database = JournalDatabase.open(places, 0);
  const changes = Array.from({ length: rows }, (_, index) => ({
    kind: "change",
    key: JSON.stringify(`name ${index}`),
    value: JSON.stringify("x".repeat(200)),
  }));
  database.commit([{ volume: "bucket", changes, makesRoom: false }]);
  return database;
}

/** Names, sizes and times of what is in a directory. */
async function picture(directory: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    const { size, mtime } = await Deno.stat(`${directory}/${name}`);
    files.push(`${name} ${size} ${mtime?.getTime()}`);
  }
  return files.sort();
}

Deno.test("A journal is counted with what is in its log, and is not touched", async () => {
  await withDirectory(async (directory) => {
    assert.equal(await inspectJournal(directory), undefined);
    const database = makeJournal(directory, 30);
    // As a daemon that was killed leaves it: the log is not played into the file.
    const killed = `${directory}/killed`;
    await Deno.mkdir(killed);
    for (const name of ["journal.db", "journal.db-wal"]) {
      await Deno.copyFile(`${directory}/${name}`, `${killed}/${name}`);
    }
    database.close();
    const before = await picture(killed);
    for (const place of [killed, directory]) {
      const health = await inspectJournal(place);
      assert.equal(health?.damage, undefined);
      assert.deepEqual(health?.counts, [{ volume: "bucket", kind: "change", count: 30 }]);
    }
    assert.deepEqual(await picture(killed), before);
  });
});

Deno.test("A damaged journal is told", async () => {
  await withDirectory(async (directory) => {
    makeJournal(directory, 500).close();
    const path = `${directory}/journal.db`;
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(0x55, 8192, 16384));
    assert.notEqual((await inspectJournal(directory))?.damage, undefined);
    await Deno.writeTextFile(path, "this is no database".repeat(100));
    assert.match((await inspectJournal(directory))?.damage ?? "", /not a database/);
  });
});
