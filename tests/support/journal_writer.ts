/**
 * A process that commits to a journal for as long as it lives: `journal_writer.ts DIRECTORY ROUND`.
 * It prints a line "ROUND CALLER NUMBER" when that commit is acknowledged.
 */
import { Journal } from "../../src/journal/journal.ts";

const CALLERS = 4;

const [directory, round] = Deno.args;
if (directory === undefined || round === undefined) throw new Error("DIRECTORY ROUND");
const journal = await Journal.open({ directory, lostAndFound: `${directory}/lost+found` });
const volume = journal.of("volume");
const encoder = new TextEncoder();

async function commitForever(caller: number): Promise<never> {
  for (let number = 0;; number++) {
    // The counter and the record go together or not at all.
    await volume.commit([
      { put: { kind: "count", key: `${round}/${caller}`, value: number } },
      { put: { kind: "record", key: `${round}/${caller}/${number}`, value: { number } } },
    ]);
    Deno.stdout.writeSync(encoder.encode(`${round} ${caller} ${number}\n`));
  }
}

await Promise.all(Array.from({ length: CALLERS }, (_, caller) => commitForever(caller)));
