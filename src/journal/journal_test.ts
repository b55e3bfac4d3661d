import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { withDirectory } from "../../tests/support/temp_directory.ts";
import { Journal, type JournalEntry, type VolumeJournal } from "./journal.ts";
import { JournalError } from "./journal_error.ts";

function open(directory: string): Promise<Journal> {
  return Journal.open({ directory, lostAndFound: `${directory}/lost+found` });
}

async function withJournal(use: (journal: Journal, directory: string) => Promise<void>) {
  await withDirectory(async (directory) => {
    const journal = await open(directory);
    try {
      await use(journal, directory);
    } finally {
      await journal.close();
    }
  });
}

function put(key: string, value: unknown, kind = "file") {
  return { put: { kind, key, value } };
}

async function keys(volume: VolumeJournal): Promise<string[]> {
  return (await volume.load()).map(({ key }) => key);
}

Deno.test("Journal gives back what was put, also in the next process, in the order of insertion", async () => {
  await withDirectory(async (directory) => {
    const written: JournalEntry[] = [
      { kind: "file", key: "b", value: { text: "ä\0\ud800", list: [1, null, true] } },
      { kind: "file", key: "odd \0 \ud800 \u{1f600} \"key'", value: "" },
      { kind: "rename", key: "b", value: 0 },
    ];
    const first = await open(directory);
    await first.of("v").commit(written.map((entry) => ({ put: entry })));
    await first.of("v").commit([put("a", 1)]);
    await first.of("v").commit([put("b", 2)]);
    await first.close();
    const second = await open(directory);
    assert.deepEqual(second.problems, []);
    assert.deepEqual(await second.of("v").load(), [
      { ...written[0], value: 2 },
      ...written.slice(1),
      { kind: "file", key: "a", value: 1 },
    ]);
    await second.close();
  });
});

Deno.test("Journal keeps volumes apart, and deletes by kind and key", async () => {
  await withJournal(async (journal) => {
    const [a, b] = [journal.of("a"), journal.of("b")];
    await a.commit([put("x", 1), put("x", 2, "other"), put("y", 3)]);
    await b.commit([put("x", 4)]);
    await a.commit([{ delete: { kind: "file", key: "x" } }, {
      delete: { kind: "file", key: "nothing" },
    }]);
    assert.deepEqual(await a.load(), [{ kind: "other", key: "x", value: 2 }, {
      kind: "file",
      key: "y",
      value: 3,
    }]);
    assert.deepEqual(await b.load(), [{ kind: "file", key: "x", value: 4 }]);
  });
});

Deno.test("Journal stores commits that are under way together in the order of the calls", async () => {
  await withSeed(async (random) => {
    await withJournal(async (journal) => {
      const volume = journal.of("v");
      const last = new Map<string, number>();
      const all: Promise<void>[] = [];
      // More than may be queued, so that some wait for their turn.
      for (let n = 0; n < 3000; n++) {
        const key = String(random.below(20));
        last.set(key, n);
        all.push(volume.commit([put(key, n)]));
        if (random.below(100) === 0) await all[random.below(all.length)];
      }
      await Promise.all(all);
      assert.deepEqual(
        new Map((await volume.load()).map(({ key, value }) => [key, value])),
        last,
      );
    });
  });
});

Deno.test("Journal loads what was committed before, without waiting for it", async () => {
  await withJournal(async (journal) => {
    const volume = journal.of("v");
    const commits = [volume.commit([put("a", 1)]), volume.commit([put("b", 1)])];
    assert.deepEqual(await keys(volume), ["a", "b"]);
    await Promise.all(commits);
  });
});

Deno.test("Journal takes a value as it is at the call", async () => {
  await withJournal(async (journal) => {
    const value = { size: 1 };
    const stored = journal.of("v").commit([put("a", value)]);
    value.size = 2;
    await stored;
    assert.deepEqual(await journal.of("v").load(), [{
      kind: "file",
      key: "a",
      value: { size: 1 },
    }]);
  });
});

Deno.test("Journal refuses a value that has no JSON, and nothing of its commit is stored", async () => {
  await withJournal(async (journal) => {
    const volume = journal.of("v");
    await assert.rejects(volume.commit([put("a", 1), put("b", undefined)]), TypeError);
    assert.deepEqual(await keys(volume), []);
  });
});

Deno.test("Journal counts what each volume has, by its kind", async () => {
  await withJournal(async (journal) => {
    assert.deepEqual(await journal.count(), []);
    await journal.of("a").commit([put("x", 1), put("y", 1), put("x", 1, "other")]);
    await journal.setWhole("b");
    assert.deepEqual(await journal.count(), [
      { volume: "a", kind: "file", count: 2 },
      { volume: "a", kind: "other", count: 1 },
    ]);
  });
});

Deno.test("Journal knows of which volumes nothing was lost, until it is gone or damaged", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/journal.db`;
    const reopened = async (work: (journal: Journal) => void | Promise<void>) => {
      const journal = await open(directory);
      await work(journal);
      await journal.close();
    };
    const setWhole = async (journal: Journal) => {
      assert.ok(!journal.isWhole("a"));
      await journal.of("a").commit([put("x", 1)]);
      await journal.setWhole("a");
      assert.ok(journal.isWhole("a") && !journal.isWhole("b"));
    };
    await reopened(setWhole);
    await reopened((journal) => assert.ok(journal.isWhole("a") && !journal.isWhole("b")));

    // A row that cannot be understood.
    const database = new DatabaseSync(path);
    database.exec("UPDATE entries SET value = '{' WHERE volume = 'a'");
    database.close();
    await reopened(setWhole);

    // A damaged file: salvaging reads all rows of this one, but cannot know that.
    const bytes = await Deno.readFile(path);
    bytes.fill(0xff, bytes.length - 4000);
    await Deno.writeFile(path, bytes);
    await reopened(setWhole);

    await Deno.remove(path);
    await reopened(setWhole);
  });
});

Deno.test("Journal that is closed has stored what was queued, and refuses more", async () => {
  await withDirectory(async (directory) => {
    const journal = await open(directory);
    const volume = journal.of("v");
    const stored = volume.commit([put("a", 1)]);
    await journal.close();
    await stored;
    await assert.rejects(volume.commit([put("b", 1)]), (error) => {
      assert.ok(error instanceof JournalError);
      assert.equal(error.reason, "closed");
      assert.match(error.message, /^Cannot use the journal in ".+": it is closed/);
      return true;
    });
    const again = await open(directory);
    assert.deepEqual(await keys(again.of("v")), ["a"]);
    await again.close();
  });
});

Deno.test("Journal in a directory that is not there cannot be opened, and says so", async () => {
  await withDirectory(async (directory) => {
    await assert.rejects(open(`${directory}/none`), (error) => {
      assert.ok(error instanceof JournalError);
      assert.match(error.message, /^Cannot open the journal ".+none\/journal\.db": /);
      return true;
    });
  });
});

Deno.test("Journal cannot be opened twice", async () => {
  await withJournal(async (_, directory) => {
    await assert.rejects(open(directory), /locked; another program has it open/);
  });
});

Deno.test("Journal has every commit that was acknowledged before a kill -9, whole", async () => {
  await withSeed(async (random) => {
    await withDirectory(async (directory) => {
      const acknowledged = new Map<string, number>();
      for (let round = 0; round < 10; round++) {
        for (const line of await killedWriter(directory, round, random.below(120))) {
          const [number, caller, last] = line.split(" ");
          acknowledged.set(`${number}/${caller}`, Number(last));
        }
      }
      const journal = await open(directory);
      const entries = await journal.of("volume").load();
      await journal.close();
      assert.deepEqual(journal.problems, []);
      const counts = new Map(
        entries.filter(({ kind }) => kind === "count").map(({ key, value }) => [
          key,
          Number(value),
        ]),
      );
      for (const [caller, last] of acknowledged) {
        assert.ok((counts.get(caller) ?? -1) >= last, `${caller}: ${last} was acknowledged`);
      }
      const records = new Set(
        entries.filter(({ kind }) => kind === "record").map(({ key }) => key),
      );
      // Each commit put one record and its number as the count: no half of one is there.
      let expected = 0;
      for (const [caller, count] of counts) {
        expected += count + 1;
        for (let n = 0; n <= count; n++) assert.ok(records.has(`${caller}/${n}`), `${caller}/${n}`);
      }
      assert.equal(records.size, expected);
      assert.ok(acknowledged.size >= 10, "the writers were killed before they wrote");
    });
  });
});

/** Runs the writer, kills it after about `lines` acknowledgements, and returns all it printed. */
async function killedWriter(directory: string, round: number, lines: number): Promise<string[]> {
  const script = new URL("../../tests/support/journal_writer.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script.href, directory, String(round)],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let said = "";
  let killed = false;
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (!killed && said.split("\n").length > lines + 4) {
      child.kill("SIGKILL");
      killed = true;
    }
  }
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL");
  // The last line may have been cut.
  return said.split("\n").slice(0, -1);
}
