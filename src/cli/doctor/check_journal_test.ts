import assert from "node:assert/strict";
import { acquireInstanceLock } from "../../daemon/instance_lock.ts";
import { JournalDatabase } from "../../journal/journal_database.ts";
import { checkJournal } from "./check_journal.ts";

Deno.test("The journal is looked at when no daemon answers, and a daemon that hangs is found", async () => {
  const directory = await Deno.makeTempDir({ prefix: "cloudmount-doctor-" });
  const found = async () => {
    const [one, ...more] = await checkJournal(directory);
    assert.deepEqual(more, []);
    return one;
  };
  try {
    assert.equal(await found(), undefined);
    const places = { directory, lostAndFound: `${directory}/lost+found` };
    let database = JournalDatabase.open(places, 0);
    database.close();
    assert.match((await found())?.message ?? "", /^is sound, and nothing waits/);
    database = JournalDatabase.open(places, 0);
    const changes = [{ kind: "change", key: '"a"', value: "1" }];
    database.commit([{ volume: "b", changes, makesRoom: false }]);
    database.close();
    const waiting = await found();
    assert.deepEqual([waiting?.status, waiting?.fix], [
      "warning",
      "cloudmount start, then: cloudmount flush",
    ]);
    assert.match(waiting?.message ?? "", /1 name in it/);
    const lock = await acquireInstanceLock(directory);
    const hanging = await found();
    lock.release();
    assert.deepEqual([hanging?.check, hanging?.status], ["daemon.hangs", "error"]);
    assert.match(hanging?.fix ?? "", new RegExp(`kill -9 ${Deno.pid}`));
    await Deno.writeTextFile(`${directory}/journal.db`, "no database".repeat(500));
    const damaged = await found();
    assert.deepEqual([damaged?.check, damaged?.status], ["journal", "error"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
