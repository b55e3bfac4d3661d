/** The journal is gone or damaged: what was written is set aside and told, never thrown away. */
import assert from "node:assert/strict";
import { type MountedBuckets, mountTest } from "../support/mount_daemon.ts";
import { NO_UPLOADS, withFaults } from "../support/mount_faults.ts";
import { JOURNAL } from "../support/mount_flush.ts";
import { sh } from "../support/mount_programs.ts";

mountTest("a journal that is gone or damaged costs no staged file", async () => {
  await withFaults(async (mounted, proxy) => {
    const folder = mounted.path();
    const state = `${mounted.folder}/state`;
    await proxy.setFaults(NO_UPLOADS);

    // Smaller files would be in the journal themselves.
    await sh(folder, "yes one | head -c 70000 > one; yes two | head -c 70000 > two");
    await mounted.kill();
    await sh(state, "rm journal.db*");
    await mounted.start();
    assert.deepEqual(await contentsSetAside(mounted), ["one\n", "two\n"]);
    assert.equal((await mounted.status()).lost_and_found.length, 2);

    await sh(folder, "yes three | head -c 70000 > three");
    await mounted.kill();
    await sh(state, "for f in journal.db*; do printf 'not a database' > $f; done");
    await mounted.start();
    assert.deepEqual(await contentsSetAside(mounted), ["one\n", "three\n", "two\n"]);
    const { problems } = await mounted.statusDocument();
    assert.equal(problems.length, 1, problems.join());
    assert.match(
      problems[0]!,
      /^The journal was damaged \(.+\) and is set aside in ".+"; 0 records/,
    );

    // Told until somebody has looked at it, and the new journal is trusted.
    await sh(folder, "echo four > four");
    await mounted.kill();
    await mounted.start();
    assert.equal(await sh(folder, "cat four"), "four\n");
    assert.deepEqual((await mounted.statusDocument()).problems, problems);
    assert.equal((await mounted.status()).lost_and_found.length, 3);
    assert.match((await mounted.command("status")).stdout, /The journal was damaged/);
    await sh(state, "rm -r lost+found");
    await proxy.setFaults({});
  }, { defaults: JOURNAL });
});

/** The first lines of the files among what alpha has in lost+found. */
async function contentsSetAside(mounted: MountedBuckets): Promise<string[]> {
  const directory = `${mounted.folder}/state/lost+found/alpha`;
  const contents: string[] = [];
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".json")) continue;
    const text = await Deno.readTextFile(`${directory}/${name}`);
    assert.equal(text.length, 70_000);
    contents.push(text.slice(0, text.indexOf("\n") + 1));
  }
  return contents.sort();
}
