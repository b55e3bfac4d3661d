/** Requests that listing costs: of trees that programs go through, and after a restart. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { inParallel, python, sh } from "../support/mount_programs.ts";
import { findProgram } from "../support/find_program.ts";

/** Puts objects there before the daemon has seen anything of the bucket. */
async function fill(mounted: MountedBuckets, keys: readonly string[]): Promise<void> {
  await mounted.stop();
  const other = mounted.other();
  await inParallel(keys, 32, (key) => other.put(key, key));
  await Deno.remove(`${mounted.folder}/state/listings.db`);
  await mounted.start();
}

mountTest(
  "programs that go through a tree cost a few requests, not one for each directory",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const walks: Readonly<Record<string, string>> = {
        find: "find TREE -type f -size +0 | wc -l",
        du: "du -a TREE | grep -c /f",
        ls: "ls -lR TREE | grep -c ' f'",
        grep: "grep -r -c TREE TREE | wc -l",
        cp: "cp -r TREE $FOLDER/copy && find $FOLDER/copy -type f | wc -l; rm -r $FOLDER/copy",
        rsync: "rsync -rn --out-format=%n TREE/ $FOLDER/nowhere | grep -c /f",
        python3: `python3 -c 'import os; print(sum(len(f) for _, _, f in os.walk("TREE")))'`,
      };
      const names = Object.keys(walks).filter((name) => findProgram(name) !== undefined);
      const keys = Array.from(
        { length: 500 },
        (_, i) => `d${String(i % 100).padStart(2, "0")}/f${i}`,
      );
      for (const name of names) {
        await fill(mounted, keys.map((key) => `${name}/${key}`));
      }
      await sh(mounted.path(), "ls");
      for (const name of names) {
        const command = walks[name]!.replaceAll("TREE", name).replaceAll("$FOLDER", mounted.folder);
        const costs = await mounted.requests(async () => {
          assert.equal((await sh(mounted.path(), command)).trim(), "500", name);
        });
        // The tree itself, its first directory, a page of all, and one in vain behind it.
        assert.ok(costs.list <= 4, `${name}: ${costs.list} LIST requests`);
        assert.equal(costs.head, 0);
      }
    });
  },
);

mountTest("a directory is there after a restart as it was, without a request", async () => {
  await withMountedBuckets(async (mounted) => {
    await fill(mounted, Array.from({ length: 1200 }, (_, i) => `many/${i}`));
    await sh(
      mounted.path(),
      "echo mine > many/mine; rm many/7; mkdir many/made; mv many/8 many/moved",
    );
    const list = "ls many | sort; ls -l --time-style=long-iso many | grep -v ^d";
    const before = (await sh(mounted.path(), list)).split("\n");
    for (const end of ["clean stop", "kill"]) {
      if (end === "clean stop") await mounted.stop();
      else await mounted.kill();
      await mounted.start();
      const costs = await mounted.requests(async () => {
        const lines = (await sh(mounted.path(), list)).split("\n");
        assert.deepEqual(lines.filter((line) => !before.includes(line)), [], end);
        assert.equal(lines.length, before.length);
      });
      assert.equal(costs.list + costs.head, 0, `${end}: ${JSON.stringify(costs)}`);
    }
  });
});

mountTest("what others did while the daemon was away is seen by who opens a file", async () => {
  await withMountedBuckets(async (mounted) => {
    const other = mounted.other();
    for (const name of ["same", "longer", "shorter", "gone", "file"]) {
      await other.put(`few/${name}`, `${name} as it was`);
    }
    const folder = mounted.path();
    await sh(folder, "ls -l few; cat few/*");
    await mounted.stop();
    await other.put("few/longer", "longer than it was before, ".repeat(1000));
    await other.put("few/shorter", "short");
    await other.put("few/new", "new");
    await other.delete("few/gone");
    await mounted.start();
    assert.match(await sh(folder, "ls few"), /^gone$/m);
    const script = `
import os, sys
def read(name):
    try:
        with open("few/" + name) as file: return file.read()
    except FileNotFoundError: return None
assert read("longer") == "longer than it was before, " * 1000
assert read("shorter") == "short"
assert read("gone") is None
assert read("new") == "new"
assert read("same") == "same as it was"
assert sorted(os.listdir("few")) == ["file", "longer", "new", "same", "shorter"]
`;
    await python(script, [], { cwd: folder });
  }, { defaults: 'metadata_ttl = "10ms"' });
});
