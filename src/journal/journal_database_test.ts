import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { smallDiskTest } from "../../tests/support/small_disk.ts";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import { openConnection, pragma, SCHEMA_VERSION } from "./connection.ts";
import { JournalDatabase, type RowCommit } from "./journal_database.ts";
import { JournalError } from "./journal_error.ts";

const NOW_MS = Date.UTC(2026, 1, 3, 4, 5, 6, 7);
const ASIDE = "journal-2026-02-03T04-05-06.007Z";

function open(directory: string): JournalDatabase {
  return JournalDatabase.open({ directory, lostAndFound: `${directory}/lost+found` }, NOW_MS);
}

function put(key: string, value = "1", makesRoom = false): RowCommit {
  return { volume: "v", changes: [{ kind: "k", key: JSON.stringify(key), value }], makesRoom };
}

function stored(database: JournalDatabase): string[] {
  return database.load("v").map(({ key }) => JSON.parse(key));
}

/** Opens the file as somebody else, who breaks it. */
function meddle(directory: string, work: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(`${directory}/journal.db`);
  try {
    work(database);
  } finally {
    database.close();
  }
}

/** The rows' names, after damage that lets the journal open only by a replacement. */
function reopened(directory: string): { names: string[]; problem: string } {
  const database = open(directory);
  const names = stored(database);
  // What replaced the damaged file is a whole journal.
  assert.deepEqual(database.commit([put("later")]), [undefined]);
  database.close();
  assert.equal(database.problems.length, 1);
  const again = open(directory);
  assert.deepEqual(again.problems, database.problems);
  assert.deepEqual(stored(again), [...names, "later"]);
  again.close();
  return { names, problem: database.problems[0]! };
}

Deno.test("The journal's file syncs every commit, keeps a log, and is its user's alone", async () => {
  await withDirectory((directory) => {
    const path = `${directory}/journal.db`;
    const connection = openConnection(path);
    const settings = ["journal_mode", "synchronous", "fullfsync", "locking_mode"]
      .map((name) => pragma(connection, name));
    // sqlite.org/pragma.html: synchronous 2 is FULL.
    assert.deepEqual(settings, ["wal", 2, 1, "exclusive"]);
    for (const { name } of [...Deno.readDirSync(directory)]) {
      assert.equal((Deno.statSync(`${directory}/${name}`).mode ?? 0) & 0o777, 0o600, name);
    }
    connection.close();
  });
});

Deno.test("A commit that fails stores nothing of itself and lets the others of its batch through", async () => {
  await withDirectory((directory) => {
    const database = open(directory);
    database.close();
    meddle(directory, (db) => {
      db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON entries WHEN new.value = '"bad"'
        BEGIN SELECT RAISE(FAIL, 'refused'); END`);
    });
    const again = open(directory);
    const bad = { ...put("b"), changes: [...put("b").changes, ...put("c", '"bad"').changes] };
    const [first, second, third] = again.commit([put("a"), bad, put("d")]);
    assert.equal(first, undefined);
    assert.ok(second instanceof JournalError);
    assert.match(second.message, /^Cannot write to the journal ".+journal\.db": refused; check/);
    assert.equal(second.reason, "io");
    assert.equal(third, undefined);
    assert.deepEqual(stored(again), ["a", "d"]);
    again.close();
  });
});

Deno.test("A journal of a newer version is refused and left as it is", async () => {
  await withDirectory((directory) => {
    const database = open(directory);
    database.commit([put("a")]);
    database.close();
    meddle(directory, (db) => db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`));
    const before = Deno.readFileSync(`${directory}/journal.db`);
    assert.throws(() => open(directory), (error) => {
      assert.ok(error instanceof JournalError);
      assert.match(error.message, /it is of version 2, and this program knows up to 1; start/);
      return true;
    });
    assert.deepEqual(Deno.readFileSync(`${directory}/journal.db`), before);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), [
      "journal.ballast",
      "journal.db",
    ]);
  });
});

Deno.test("A file that is no database is set aside, and a new journal begins", async () => {
  await withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/journal.db`, "no database ".repeat(1000));
    const { names, problem } = reopened(directory);
    assert.deepEqual(names, []);
    const aside = `${directory}/lost+found/${ASIDE}`;
    assert.ok(problem.includes(`is set aside in "${aside}"; 0 records could be read`), problem);
    assert.match(Deno.readTextFileSync(`${aside}/journal.db`), /^no database/);
    assert.equal((Deno.statSync(aside).mode ?? 0) & 0o777, 0o700);
  });
});

Deno.test("A journal whose file is gone while its log is there is set aside", async () => {
  await withDirectory((directory) => {
    Deno.writeTextFileSync(`${directory}/journal.db-wal`, "a log");
    const { problem } = reopened(directory);
    assert.match(problem, /the file is empty or gone, its write-ahead log is not/);
    const aside = `${directory}/lost+found/${ASIDE}`;
    assert.equal(Deno.readTextFileSync(`${aside}/journal.db-wal`), "a log");
  });
});

Deno.test("Of a journal with a damaged page, all rows of other pages are kept, in their order", async () => {
  await withDirectory((directory) => {
    const all = Array.from({ length: 200 }, (_, n) => `key ${n}`);
    const database = open(directory);
    for (const key of all) database.commit([put(key, JSON.stringify(key + "x".repeat(900)))]);
    database.close();
    // Two pages in the middle that hold rows: what is between them must be found too.
    const path = `${directory}/journal.db`;
    const bytes = Deno.readFileSync(path);
    // sqlite.org/fileformat.html, 1.6: 13 is a leaf of a table.
    const pages = [...Array(bytes.length / 4096).keys()].filter((page) =>
      bytes[page * 4096] === 13
    );
    for (const page of [pages[10]!, pages[20]!]) bytes.fill(0xff, page * 4096, page * 4096 + 64);
    Deno.writeFileSync(path, bytes);
    const { names } = reopened(directory);
    assert.deepEqual(names, all.filter((key) => names.includes(key)), "not in order");
    const lost = all.filter((key) => !names.includes(key));
    assert.ok(lost.length > 0 && lost.length <= 8, `lost: ${lost.join(", ")}`);
  });
});

Deno.test("Of a journal with a damaged index, all rows are kept", async () => {
  await withDirectory((directory) => {
    const all = Array.from({ length: 300 }, (_, n) => `key ${n}`);
    const database = open(directory);
    for (const key of all) database.commit([put(key)]);
    database.close();
    const path = `${directory}/journal.db`;
    const bytes = Deno.readFileSync(path);
    // sqlite.org/fileformat.html, 1.6: 10 is a leaf of an index. One of its keys becomes another.
    const page = [...Array(bytes.length / 4096).keys()].find((page) => bytes[page * 4096] === 10)!;
    const text = new TextDecoder("latin1").decode(bytes.subarray(page * 4096, page * 4096 + 4096));
    bytes[page * 4096 + text.lastIndexOf('"key ')] = 0x21;
    Deno.writeFileSync(path, bytes);
    assert.deepEqual(reopened(directory).names, all);
  });
});

Deno.test("A replacement that was interrupted is finished at the next start", async () => {
  await withDirectory((directory) => {
    const path = `${directory}/journal.db`;
    const database = open(directory);
    database.commit([put("kept")]);
    database.close();
    Deno.renameSync(path, `${directory}/journal.salvaged.db`);
    Deno.writeTextFileSync(path, "damaged");
    Deno.writeTextFileSync(`${path}-wal`, "a log");
    const again = open(directory);
    assert.deepEqual(stored(again), ["kept"]);
    again.close();
    const aside = `${directory}/lost+found/${ASIDE}`;
    assert.deepEqual(again.problems, [
      `The journal was damaged and is set aside in "${aside}"; what could be read is kept`,
    ]);
    assert.equal(Deno.readTextFileSync(`${aside}/journal.db`), "damaged");
    assert.equal(Deno.readTextFileSync(`${aside}/journal.db-wal`), "a log");
  });
});

Deno.test("Rows that are not JSON are set aside as text; the others stay", async () => {
  await withDirectory((directory) => {
    const database = open(directory);
    database.commit([put("a"), put("b"), put("c")]);
    database.close();
    meddle(directory, (db) => {
      db.exec(`UPDATE entries SET value = '{"cut' WHERE key = '"b"'`);
      db.exec(`UPDATE entries SET key = '7' WHERE key = '"c"'`);
    });
    const again = open(directory);
    assert.deepEqual(stored(again), ["a"]);
    again.close();
    const path = `${directory}/lost+found/${ASIDE}/records.jsonl`;
    assert.deepEqual(again.problems, [
      `2 records of the journal could not be understood and are set aside in "${path}"`,
    ]);
    const rows = Deno.readTextFileSync(path).trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(rows, [
      { id: 2, volume: "v", kind: "k", key: '"b"', value: '{"cut' },
      { id: 3, volume: "v", kind: "k", key: "7", value: "1" },
    ]);
    const third = open(directory);
    assert.deepEqual(third.problems, again.problems);
    third.close();
    Deno.removeSync(`${directory}/lost+found/${ASIDE}`, { recursive: true });
    const fourth = open(directory);
    assert.deepEqual(fourth.problems, []);
    fourth.close();
  });
});

function fill(path: string): void {
  try {
    Deno.writeFileSync(path, new Uint8Array(2 ** 24));
  } catch {
    // Now the disk is full.
  }
}

smallDiskTest(
  "A full disk refuses commits, takes removals, and takes commits again when there is room",
  8 * 2 ** 20,
  async ({ directory, remount }) => {
    const database = open(directory);
    const text = JSON.stringify("x".repeat(1000));
    const kept: string[] = [];
    let failure: JournalError | undefined;
    for (let n = 0; failure === undefined && n < 10_000; n++) {
      [failure] = database.commit([put(`key ${n}`, text)]);
      if (failure === undefined) kept.push(`key ${n}`);
    }
    assert.ok(failure !== undefined && kept.length > 100, `stored ${kept.length}`);
    assert.equal(failure.reason, "full");
    assert.match(
      failure.message,
      /^Cannot write to the journal ".+": the disk is full; make room/,
    );
    assert.deepEqual(stored(database), kept);
    // And what is still free is used up by others.
    fill(`${directory}/others`);
    for (const key of kept.splice(0, kept.length - 5)) {
      const changes = [{ kind: "k", key: JSON.stringify(key), value: null }];
      const [error] = database.commit([{ volume: "v", changes, makesRoom: false }]);
      assert.equal(error, undefined);
      const [refused] = database.commit([put("new")]);
      assert.equal(refused?.reason, "full");
    }
    // A record that is replaced by one that needs no staged file.
    assert.deepEqual(database.commit([put(kept[0]!, "{}", true)]), [undefined]);
    assert.deepEqual(database.commit([put("removed", "{}", true)]), [undefined]);
    kept.push("removed");
    assert.equal(database.commit([put("new")])[0]?.reason, "full");
    await remount("size=32m");
    assert.deepEqual(database.commit([put("last")]), [undefined]);
    assert.deepEqual(stored(database), [...kept, "last"]);
    database.close();
  },
);
