/** The writers and the expected tree agree with a plain file system, on which nothing is ever lost. */
import assert from "node:assert/strict";
import { withSeed } from "../support/seeded_random.ts";
import { missingPrograms } from "../support/mount_programs.ts";
import { type Found, type FoundTree, recognised } from "./compare.ts";
import { newDirectory, possibleStates } from "./expected_tree.ts";
import { findPython, scanFolder, startWriter, WEIGHTS } from "./writers.ts";

const ROUNDS = 6;

const ignore = missingPrograms(["python3"]).length > 0;
if (ignore) {
  Deno.stderr.writeSync(new TextEncoder().encode("skipped: tests of the writers: no python3\n"));
}

/** A plain directory as it is. */
async function findIn(python: string, folder: string): Promise<FoundTree> {
  const found = new Map<string, Found>();
  for (const { path, kind, mode, mtime, target } of await scanFolder(python, folder)) {
    if (kind === "file") {
      found.set(path, { kind, bytes: await Deno.readFile(`${folder}/${path}`), mode, mtime });
    } else found.set(path, kind === "link" ? { kind, target: target! } : { kind });
  }
  return found;
}

Deno.test({
  name: "A writer that is killed leaves a plain directory in a state that is recognised",
  ignore,
  fn: async () => {
    await withSeed(async (random) => {
      const python = await findPython();
      const folder = await Deno.makeTempDir({ prefix: "cloudmount-crash-" });
      try {
        await Deno.mkdir(`${folder}/w`);
        let tree = newDirectory();
        let operations = 0;
        for (let round = 0; round < ROUNDS; round++) {
          const writer = startWriter(python, {
            name: "w",
            folder: `${folder}/w`,
            tree,
            log: `${folder}/log${round}`,
            round,
            seed: random.below(2 ** 31),
            seconds: round % 2 === 0 ? 30 : 0.3,
            weights: { ...WEIGHTS, large: 1 },
            pause_ms: 0,
            kill: null,
          });
          if (round % 2 === 0) {
            await new Promise((resolve) => setTimeout(resolve, 100 + random.below(400)));
            Deno.kill(writer.pid, "SIGKILL");
          }
          assert.equal(await writer.ended, "");
          const { notes, failed, unexpected } = await writer.readLog();
          assert.deepEqual([failed, unexpected], [undefined, undefined]);
          operations += notes.length;
          const found = await findIn(python, `${folder}/w`);
          tree = recognised(possibleStates(tree, notes), found);
        }
        assert.ok(operations > 200, `only ${operations} operations`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    });
  },
});
