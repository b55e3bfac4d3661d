/** The harness notices a loss: somebody destroys what was acknowledged, behind the daemon's back. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { withJournalCopy } from "../../src/journal/journal_copy.ts";
import { CHANGE, decodeRecord } from "../../src/vfs/change_record.ts";
import { mountTest } from "../support/mount_daemon.ts";
import { withSeed } from "../support/seeded_random.ts";
import { type CrashOptions, runCrashes, type Sabotage } from "./crash_run.ts";

/** What is to be destroyed may not be there after the first kill. */
const KILLS_MAX = 8;

/** All messages of an error and its causes. */
function messages(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${messages(error.cause)}` : "";
}

function sabotageTest(
  name: string,
  endpoint: CrashOptions["endpoint"],
  /** True when it has destroyed something. */
  destroy: (run: Sabotage) => Promise<boolean>,
  noticed: RegExp,
): void {
  mountTest(`the harness notices ${name}`, async () => {
    await withSeed(async (random) => {
      let doneIn: number | undefined;
      const sabotage = async (run: Sabotage) => {
        // In a round with two kills it is asked twice.
        if (doneIn === run.round) return;
        assert.equal(doneIn, undefined, "it was not noticed at once");
        if (await destroy(run)) doneIn = run.round;
      };
      await assert.rejects(
        runCrashes({ random, kills: KILLS_MAX, server: "real", endpoint, sabotage }),
        (error) => {
          assert.notEqual(doneIn, undefined, messages(error));
          assert.match(messages(error), noticed);
          return true;
        },
      );
    });
  });
}

sabotageTest("objects that are missing", "good", async ({ mounted, when }) => {
  if (when !== "flushed") return false;
  // Several: one of them alone might be a file that was never closed.
  const keys = (await mounted.other().keys("w0/")).filter((key) => !key.endsWith("/"));
  if (keys.length < 5) return false;
  for (const key of keys) await mounted.other().delete(key);
  return true;
}, /is not there/);

sabotageTest("an object of an older content", "good", async ({ mounted, when }) => {
  if (when !== "flushed") return false;
  const other = mounted.other();
  const all = [...await other.list("w")];
  const found = all.find(([key, size]) => size > 1000 && !key.endsWith("/"));
  if (found === undefined) return false;
  const [key] = found;
  const bytes = await other.get(key);
  bytes.fill(0, 500, 600);
  await other.put(key, bytes, (await other.head(key))!.metadata);
  return true;
}, /is the first that is not there|has other bytes than the object/);

sabotageTest("staged files that are gone", "down", async ({ mounted, when }) => {
  if (when !== "killed") return false;
  const folder = `${mounted.folder}/state/staged`;
  const promised = await promisedFiles(`${mounted.folder}/state`);
  let removed = false;
  for await (const { name: volume } of Deno.readDir(folder)) {
    for await (const { name } of Deno.readDir(`${folder}/${volume}`)) {
      if (!promised.has(name)) continue;
      await Deno.remove(`${folder}/${volume}/${name}`);
      removed = true;
    }
  }
  return removed;
}, /is not there|Set aside|Cannot read/);

sabotageTest("a journal that is gone", "down", async ({ mounted, when }) => {
  if (when !== "killed") return false;
  let removed = false;
  for await (const { name } of Deno.readDir(`${mounted.folder}/state`)) {
    if (!/journal/.test(name)) continue;
    await Deno.remove(`${mounted.folder}/state/${name}`, { recursive: true });
    removed = true;
  }
  return removed;
}, /is not there|Set aside/);

/**
 * The staged files that hold what was acknowledged: the others are of writes that nobody has closed, and
 * of small files, whose bytes are in the journal too.
 */
async function promisedFiles(stateDir: string): Promise<ReadonlySet<string>> {
  const files = new Set<string>();
  await withJournalCopy(stateDir, (path) => {
    using journal = new DatabaseSync(path);
    const rows = journal.prepare("SELECT value FROM entries WHERE kind = ?").all(CHANGE);
    for (const { value } of rows) {
      const record = decodeRecord(JSON.parse(String(value)));
      if (record.wish !== "file" || record.staged === undefined) continue;
      if (record.staged.inJournal !== true) files.add(record.staged.file);
    }
  });
  return files;
}
