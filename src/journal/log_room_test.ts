import assert from "node:assert/strict";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import { JournalDatabase, type RowCommit } from "./journal_database.ts";

const open = (directory: string) =>
  JournalDatabase.open({ directory, lostAndFound: `${directory}/lost+found` }, 0);
const logBytes = (directory: string) => Deno.statSync(`${directory}/journal.db-wal`).size;

function put(index: number): RowCommit {
  const value = JSON.stringify("x".repeat(10_000));
  return { volume: "v", changes: [{ kind: "k", key: `"${index}"`, value }], makesRoom: false };
}

Deno.test("The journal's log has its size from the start, and keeps it", async () => {
  await withDirectory((directory) => {
    const database = open(directory);
    const before = logBytes(directory);
    assert.ok(before > 1000 * 4096);
    // Far more than the log holds.
    for (let index = 0; index < 600; index++) {
      assert.deepEqual(database.commit([put(index)]), [undefined]);
    }
    assert.equal(logBytes(directory), before);
    assert.equal(database.load("v").length, 600);
    database.close();
  });
});

Deno.test("A log with room in it is read as one without, after a kill at any time", async () => {
  await withDirectory((directory) => {
    const database = open(directory);
    for (const commits of [0, 1, 2, 400]) {
      for (let index = 0; index < commits; index++) database.commit([put(index)]);
      const copy = `${directory}/copy-${commits}`;
      Deno.mkdirSync(copy);
      for (const name of ["journal.db", "journal.db-wal"]) {
        Deno.copyFileSync(`${directory}/${name}`, `${copy}/${name}`);
      }
      const next = open(copy);
      assert.deepEqual(next.problems, []);
      assert.equal(next.load("v").length, commits);
      next.close();
      // Closed in order, it leaves no log; the next start makes room again.
      const last = open(copy);
      assert.equal(last.load("v").length, commits);
      assert.equal(logBytes(copy), logBytes(directory));
      last.close();
    }
    database.close();
  });
});
