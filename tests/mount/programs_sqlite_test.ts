/** sqlite3 in a mounted bucket: locks, journals, shared memory, and a process that dies in mid-change. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { mirrorBucket } from "../support/mount_mirror.ts";
import { run, succeed } from "../support/mount_programs.ts";

const FILL = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
  INSERT INTO t SELECT i, 'row ' || i FROM n;`;
const QUESTION =
  "PRAGMA integrity_check; SELECT count(*), sum(id) FROM t; SELECT text FROM t WHERE id = 7;";
const ANSWER = "ok\n4000|10000000\nchanged\n";

for (const mode of ["delete", "wal"] as const) {
  mountTest(`sqlite3 keeps a database in a mount (journal_mode ${mode})`, async () => {
    await withMountedBuckets(async (mounted) => {
      const database = `${mounted.path()}/data.sqlite`;
      const sqlite = (sql: string) => succeed("sqlite3", [database], { stdin: sql });
      assert.equal(await sqlite(`PRAGMA journal_mode = ${mode};`), `${mode}\n`);
      await sqlite("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);");
      await sqlite(`BEGIN; ${FILL} COMMIT; CREATE INDEX by_text ON t (text);`);
      await sqlite("DELETE FROM t WHERE id % 5 = 0; UPDATE t SET text = 'changed' WHERE id = 7;");
      const failing = await run("sqlite3", ["-bail", database], {
        stdin: "BEGIN; DELETE FROM t; INSERT INTO nothing VALUES (1);",
      });
      assert.notEqual(failing.code, 0);
      assert.equal(await sqlite(QUESTION), ANSWER);

      await dieInTransaction(database);
      // What another client downloads now is a database with its journal, as after a power cut.
      await checkDownload(mounted, "torn");
      assert.equal(await sqlite(QUESTION), ANSWER);
      await mounted.restart();
      assert.equal(await sqlite(QUESTION), ANSWER);
      assert.equal(await sqlite("VACUUM; PRAGMA integrity_check;"), "ok\n");
      await flushMount(mounted);
      assert.deepEqual(await mounted.other().keys(), ["data.sqlite"]);
      await checkDownload(mounted, "whole");
    }, { defaults: JOURNAL });
  }, ["sqlite3"]);
}

mountTest("sqlite3 processes share one database in a mount, each with its own rows", async () => {
  await withMountedBuckets(async (mounted) => {
    const database = `${mounted.path()}/shared.sqlite`;
    const sqlite = (sql: string) => succeed("sqlite3", [database], { stdin: sql });
    await sqlite("PRAGMA journal_mode = wal; CREATE TABLE t (who INTEGER, what INTEGER);");
    const insert = (who: number) =>
      Array.from({ length: 40 }, (_, what) => `INSERT INTO t VALUES (${who}, ${what});`).join("\n");
    await Promise.all([1, 2, 3, 4].map((who) => sqlite(`.timeout 30000\n${insert(who)}`)));
    const counts = "SELECT who, count(*), count(DISTINCT what) FROM t GROUP BY who;";
    assert.equal(await sqlite(counts), "1|40|40\n2|40|40\n3|40|40\n4|40|40\n");
    await flushMount(mounted);
    await mirrorBucket(mounted.other(), "", `${mounted.folder}/copy`);
    const copy = await succeed("sqlite3", [`${mounted.folder}/copy/shared.sqlite`], {
      stdin: `PRAGMA integrity_check; ${counts}`,
    });
    assert.equal(copy, "ok\n1|40|40\n2|40|40\n3|40|40\n4|40|40\n");
  }, { defaults: JOURNAL });
}, ["sqlite3"]);

/** Changes all rows with a cache so small that changed pages are written before the commit, and is killed. */
async function dieInTransaction(database: string): Promise<void> {
  const child = new Deno.Command("sqlite3", {
    args: [database],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const sql = `PRAGMA cache_size = 5; PRAGMA cache_spill = 5; BEGIN;
    UPDATE t SET text = 'lost ' || hex(randomblob(200)); DELETE FROM t WHERE id < 2000;
    SELECT 'changed', count(*) FROM t WHERE text LIKE 'lost %';\n`;
  await writer.write(new TextEncoder().encode(sql));
  let said = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (said.includes("\n")) break;
  }
  assert.match(said, /^changed\|2400\n/);
  child.kill("SIGKILL");
  await child.status;
  await writer.abort().catch(() => {});
}

async function checkDownload(mounted: MountedBuckets, name: string): Promise<void> {
  await flushMount(mounted);
  const folder = `${mounted.folder}/${name}`;
  await mirrorBucket(mounted.other(), "", folder);
  // The index of the log is of one machine, and made anew.
  await Deno.remove(`${folder}/data.sqlite-shm`).catch(() => {});
  assert.equal(await succeed("sqlite3", [`${folder}/data.sqlite`], { stdin: QUESTION }), ANSWER);
}
