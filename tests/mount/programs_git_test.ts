/** git in a mounted bucket, which knows nothing of S3. */
import assert from "node:assert/strict";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { mirrorBucket } from "../support/mount_mirror.ts";
import { MAKE_TREE, python, sh, succeed } from "../support/mount_programs.ts";

const GIT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

const CHECK = `git fsck --full --strict 2>&1; test -z "$(git status --porcelain)"`;

mountTest(
  "git clones into a mount, commits, rebases, packs, pushes, and finds no fault",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const origin = `${mounted.folder}/origin`;
      await python(MAKE_TREE, [origin, "150", "1"]);
      await sh(
        origin,
        `git init -q -b main .; git add .; git commit -qm one; echo x > added; git add added
       git commit -qm two; git init -q --bare -b main ../bare.git; git push -q ../bare.git main`,
        { env: GIT },
      );
      const folder = mounted.path();
      const work = `${folder}/work`;
      const env = { ...GIT, ORIGIN: `${mounted.folder}/bare.git` };
      await sh(folder, `git clone -q "$ORIGIN" work 2>&1`, { env });
      await sh(work, CHECK, { env });
      await sh(
        work,
        `echo changed > added; rm "folder 1/sub1/file-0001.txt"; mkdir new; echo n > new/file
       git add -A; git commit -qm three; git gc -q; git fsck --full --strict 2>&1
       git checkout -q HEAD~1; test "$(cat added)" = x; git checkout -q main
       test "$(cat added)" = changed`,
        { env },
      );
      await sh(
        work,
        `git checkout -q -b side HEAD~1
       for i in 1 2 3 4 5; do echo $i >> side; git add side; git commit -qm "side $i"; done
       git rebase -q main; test "$(git log --oneline main..side | wc -l)" = 5; cat added new/file
       git checkout -q main; git merge -q --no-ff -m merged side; git branch -q -d side
       git stash list; git gc -q --prune=now --aggressive; git push -q origin main 2>&1; ${CHECK}`,
        { env },
      );
      const head = await sh(work, "git rev-parse HEAD", { env });
      assert.equal(await succeed("git", ["-C", env.ORIGIN, "rev-parse", "main"], { env }), head);
      // What another client downloads is the whole repository.
      await flushMount(mounted);
      await mirrorBucket(mounted.other(), "work/", `${mounted.folder}/copy`);
      await sh(mounted.folder, `diff -r --no-dereference copy mnt/alpha/work; cd copy; ${CHECK}`, {
        env: {
          ...env,
          GIT_CONFIG_COUNT: "1",
          GIT_CONFIG_KEY_0: "core.fileMode",
          GIT_CONFIG_VALUE_0: "false",
        },
      });
      // And the tree outlives the daemon.
      await mounted.restart();
      await sh(work, CHECK, { env });
    }, { defaults: JOURNAL });
  },
  ["git"],
);
