/** Work goes on while S3 is away, here or on two machines at once, and all of it gets there later. */
import assert from "node:assert/strict";
import type { StatusDocument } from "../../src/control/protocol.ts";
import { type MountedBuckets, mountTest } from "../support/mount_daemon.ts";
import { withFaults, withTravellingMachine } from "../support/mount_faults.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { mirrorBucket } from "../support/mount_mirror.ts";
import { eventually, sh } from "../support/mount_programs.ts";

/** No step may wait for a network that is away: that would be seconds at least. */
const AT_ONCE_MS = 4000;

const GIT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

/** What a person does on a train, a step each. */
const STEPS = [
  "echo new > created; cat created",
  "printf E | dd of=edited conv=notrunc status=none; echo more >> edited",
  "echo draft > draft; mv draft replaced",
  "mv moved sub/moved",
  "rm removed sub/removed",
  "mkdir -p made/deep; echo in > made/deep/file; ln -s ../edited made/link; chmod 600 made/deep/file",
  "rm -r emptied; touch -d 2001-02-03 created",
  "cd repo; echo second > file; git add file; git commit -qm second; git status --porcelain",
];

mountTest("work goes on while S3 is away, and all of it gets there by itself", async () => {
  await withFaults(async (mounted, proxy) => {
    const folder = mounted.path();
    await sh(
      folder,
      `mkdir sub emptied repo; for f in edited replaced moved removed sub/removed emptied/file; do
       echo "old $f" > $f; done
       cd repo; git init -q -b main .; echo first > file; git add file; git commit -qm first`,
      { env: GIT },
    );
    await flushMount(mounted);
    // So that it is known and read, and once more what git has written for itself then.
    const look = "ls -lR; find . -type f -exec cat {} +";
    await sh(folder, `${look}; cd repo; git status`, { env: GIT });
    await flushMount(mounted);
    await sh(folder, look);
    await proxy.setFaults({ down: true });
    for (const step of STEPS) {
      const startMs = performance.now();
      await sh(folder, step, { env: GIT });
      const ms = performance.now() - startMs;
      assert.ok(ms < AT_ONCE_MS, `"${step}" took ${ms} ms`);
    }
    await checkPending(mounted);
    const tree = await treeOf(folder);

    await proxy.setFaults({});
    await eventually(
      "all is in S3",
      async () => (await mounted.status()).uploads.pending_files === 0,
      60,
    );
    assert.equal(await treeOf(folder), tree);
    const mirror = `${mounted.folder}/mirror`;
    await mirrorBucket(mounted.other(), "", mirror);
    assert.equal(await treeOf(mirror), tree);
    assert.equal(
      await sh(`${mirror}/repo`, `git fsck --full --strict; git log --format=%s; cat file`, {
        env: GIT,
      }),
      "second\nfirst\nsecond\n",
    );
    assert.deepEqual((await mounted.status()).conflicts, []);
  }, { defaults: JOURNAL });
});

/** Names, kinds and contents. */
async function treeOf(folder: string): Promise<string> {
  return await sh(
    folder,
    `find . -mindepth 1 -printf '%P %y %l\\n' | sort; find . -type f -exec md5sum {} + | sort -k 2`,
  );
}

/** What a person is told who asks or wants to go. */
async function checkPending(mounted: MountedBuckets): Promise<void> {
  await eventually("its age is shown", async () => {
    const { uploads } = await mounted.status();
    return (uploads.oldest_seconds ?? 0) >= 1;
  });
  const { uploads } = await mounted.status();
  assert.ok(uploads.pending_files >= 15, `${uploads.pending_files} pending`);
  assert.equal(uploads.oldest_paths[0], "created");
  await eventually(
    "the mount is degraded",
    async () => (await mounted.status()).state === "degraded",
  );
  const what = new RegExp(
    `${uploads.pending_files} files \\(.+\\) of "alpha", the oldest for .+: "`,
  );
  for (const command of [["flush", "alpha"], ["stop"]]) {
    const { code, stderr } = await mounted.command(...command, "--timeout", "1s");
    assert.equal(code, 6, stderr);
    assert.match(stderr, what);
  }
  assert.equal(await sh(mounted.path(), "cat created"), "new\n");
}

mountTest(
  "what two machines made or edited at the same time is kept twice, and told",
  async () => {
    await withTravellingMachine(async (here, there, proxy) => {
      const prepare = "echo base > edited.txt; echo base > removed.txt; echo base > calm.txt";
      await sh(there.path(), prepare);
      await flushMount(there);
      await sh(here.path(), "ls -l; cat edited.txt removed.txt calm.txt");
      await proxy.setFaults({ down: true });
      await sh(
        here.path(),
        `echo here > edited.txt; echo here > made.txt; rm removed.txt; echo here > calm.txt
         cat edited.txt made.txt`,
      );
      await sh(there.path(), "for f in edited made removed; do echo there > $f.txt; done");
      await flushMount(there);

      await proxy.setFaults({});
      await flushMount(here);
      const found = (await sh(here.path(), "find . -name '*(conflict *'")).trim().split("\n")
        .sort();
      const copies = found.map((path) => path.slice(2));
      assert.equal(copies.length, 2, found.join());
      const host = Deno.hostname().replace(/[.\\]/g, "\\$&");
      for (const [index, name] of ["edited", "made"].entries()) {
        assert.match(
          copies[index]!,
          new RegExp(`^${name} \\(conflict ${host} \\d{4}-\\d\\d-\\d\\d \\d{6}\\)\\.txt$`),
        );
        assert.equal(await here.other().text(copies[index]!), "here\n");
        assert.equal(await here.other().text(`${name}.txt`), "there\n");
      }
      assert.deepEqual(
        await here.other().keys(),
        ["calm.txt", ...copies, "edited.txt", "made.txt", "removed.txt"].sort(),
      );
      assert.equal(await here.other().text("removed.txt"), "there\n");
      assert.equal(await here.other().text("calm.txt"), "here\n");

      const { stdout } = await here.command("status", "--json");
      const { conflicts } = (JSON.parse(stdout) as StatusDocument).mounts[0]!;
      assert.deepEqual(
        conflicts.map(({ path, copy }) => ({ path, copy }))
          .sort((a, b) => a.path.localeCompare(b.path)),
        [
          { path: "edited.txt", copy: copies[0] },
          { path: "made.txt", copy: copies[1] },
          { path: "removed.txt", copy: null },
        ],
      );
      // Both machines see both.
      for (const machine of [here, there]) {
        for (const copy of copies) await machine.seen(`${machine.path()}/${copy}`);
        assert.equal(
          await sh(machine.path(), `cat edited.txt made.txt removed.txt "${copies[0]}"`),
          "there\nthere\nthere\nhere\n",
        );
      }
      // Who has sorted that out is not told any more.
      await sh(here.path(), `rm "${copies[0]}"; mv "${copies[1]}" made.txt`);
      await flushMount(here);
      assert.equal(await here.other().text("made.txt"), "here\n");
      const left = (await here.status()).conflicts.map(({ path }) => path);
      assert.deepEqual(left, ["removed.txt"]);
    }, { defaults: `${JOURNAL}metadata_ttl = "1s"\n` });
  },
);
