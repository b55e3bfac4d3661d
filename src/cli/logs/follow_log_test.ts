import assert from "node:assert/strict";
import { FakeClock, settle } from "../../../tests/support/fake_clock.ts";
import { followLog } from "./follow_log.ts";

async function withLog(body: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(`${directory}/x.log`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const append = (path: string, text: string) => Deno.writeTextFileSync(path, text, { append: true });

/** As the writer does when the file is full. */
function rotate(path: string): void {
  for (const number of [3, 2, 1]) {
    try {
      Deno.renameSync(`${path}.${number}`, `${path}.${number + 1}`);
    } catch (error) {
      assert.ok(error instanceof Deno.errors.NotFound);
    }
  }
  Deno.renameSync(path, `${path}.1`);
}

async function last(path: string, count: number): Promise<string[]> {
  const signal = new AbortController().signal;
  const lines = followLog(path, { count, follow: false, clock: new FakeClock(), signal });
  return await Array.fromAsync(lines);
}

Deno.test("The last lines come from rotated files too, oldest first", async () => {
  await withLog(async (path) => {
    append(path, "1\n2\n3\n");
    rotate(path);
    append(path, "4\n5\n");
    rotate(path);
    append(path, "6\n7\nunfinished");
    assert.deepEqual(await last(path, 1), ["7"]);
    assert.deepEqual(await last(path, 3), ["5", "6", "7"]);
    assert.deepEqual(await last(path, 100), ["1", "2", "3", "4", "5", "6", "7"]);
    assert.deepEqual(await last(path, 0), []);
    assert.deepEqual(await last(`${path}.none`, 5), []);
  });
});

Deno.test("Following misses no line and repeats none, over several rotations at once", async () => {
  await withLog(async (path) => {
    const clock = new FakeClock();
    const end = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      const options = { count: 1, follow: true, clock, signal: end.signal };
      for await (const line of followLog(path, options)) seen.push(line);
    })();
    const look = async () => {
      await settle();
      await clock.advance(250);
      await settle();
    };
    await look();
    append(path, "0\n");
    await look();
    let written = 0;
    for (let round = 0; round < 20; round++) {
      for (let files = 0; files <= round % 3; files++) {
        append(path, `${++written}\n${++written}\nhal`);
        if (round % 2 === 0) await look();
        append(path, `f ${++written}\n`);
        if (files > 0) rotate(path);
      }
      await look();
    }
    await look();
    end.abort();
    await look();
    await following;
    const numbers = seen.map((line) => Number(line.replace("half ", "")));
    assert.deepEqual(numbers, Array.from({ length: written + 1 }, (_, number) => number));
  });
});
