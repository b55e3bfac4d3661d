/** Programs that copy whole trees, which know nothing of S3, on mounted buckets. */
import assert from "node:assert/strict";
import { BUCKETS, mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { mirrorBucket } from "../support/mount_mirror.ts";
import { MAKE_TREE, python, sh, succeed } from "../support/mount_programs.ts";

mountTest(
  "rsync copies 2,000 files in, finds nothing to do again, and copies them out",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const source = `${mounted.folder}/source`;
      await python(MAKE_TREE, [source, "2000", "2"]);
      await sh(source, "chmod 600 'folder 1/sub1/file-0001.txt'; ln -s 'folder 1' link");
      const target = `${mounted.path()}/copy`;
      await succeed("rsync", ["-a", `${source}/`, target]);
      await flushMount(mounted);
      assert.equal(
        [...await mounted.other().keys("copy/")].filter((key) => key.endsWith(".txt")).length,
        2000,
      );

      const again = await succeed("rsync", ["-ai", "--stats", `${source}/`, target]);
      assert.match(again, /Number of regular files transferred: 0\n/);
      assert.doesNotMatch(again, /^[<>ch.][fdL]/m);
      const checked = await succeed("rsync", ["-aic", `${source}/`, target]);
      assert.equal(checked, "");

      await mirrorBucket(mounted.other(), "copy/", `${mounted.folder}/objects`);
      await sh(mounted.folder, "diff -r --no-dereference source objects");
      await mounted.restart();
      const back = `${mounted.folder}/back`;
      await succeed("rsync", ["-a", `${target}/`, back]);
      await sh(mounted.folder, "diff -r source back");
      const same = await succeed("rsync", ["-aic", "--delete", `${source}/`, back]);
      assert.equal(same, "");
    }, { defaults: JOURNAL });
  },
  ["rsync"],
);

mountTest("tar extracts into a mount with times, modes and links, and compares equal", async () => {
  await withMountedBuckets(async (mounted) => {
    const source = `${mounted.folder}/source`;
    await python(MAKE_TREE, [source, "300", "3"]);
    await sh(
      source,
      `chmod 755 "folder 2/sub2/file-0002.txt"; ln -s "folder 2/sub2/file-0002.txt" link
       ln -s ../nowhere broken; touch -d 2001-02-03T04:05:06Z "folder 3/sub3/file-0003.txt"
       mkdir -m 750 empty; tar cf ../tree.tar .`,
    );
    await sh(mounted.path(), "mkdir tree; tar xf ../../tree.tar -C tree");
    await sh(mounted.path(), "tar df ../../tree.tar -C tree");
    await flushMount(mounted);
    await mirrorBucket(mounted.other(), "tree/", `${mounted.folder}/objects`);
    await sh(mounted.folder, "diff -r --no-dereference source objects");
    await mounted.restart();
    await sh(mounted.path(), "tar df ../../tree.tar -C tree");
    await sh(
      mounted.path(),
      "tar cf ../../again.tar -C tree .; mkdir ../../again; tar xf ../../again.tar -C ../../again",
    );
    await sh(mounted.folder, "diff -r --no-dereference source again");
  }, { defaults: JOURNAL });
});

mountTest("cp of 2,000 small files arrives whole, and rm -r leaves no object behind", async () => {
  await withMountedBuckets(async (mounted) => {
    const source = `${mounted.folder}/source`;
    await python(MAKE_TREE, [source, "2000", "4"]);
    await sh(mounted.path(), "cp -r ../../source tree; diff -r ../../source tree");
    await sh(mounted.path(), "cp -r tree ../beta/tree; diff -r tree ../beta/tree");
    for (const bucket of BUCKETS) await flushMount(mounted, bucket);
    const sizes = async (bucket: "alpha" | "beta") =>
      [...await mounted.other(bucket).list("tree/")].filter(([key]) => !key.endsWith("/"));
    assert.equal((await sizes("alpha")).length, 2000);
    assert.deepEqual(await sizes("beta"), await sizes("alpha"));
    await sh(mounted.path(), 'rm -r tree; test ! -e tree; test -z "$(ls)"');
    await flushMount(mounted);
    assert.deepEqual(await mounted.other().keys(), []);
  }, { defaults: JOURNAL });
});
