/** Ordinary programs, which know nothing of S3, on a mounted bucket. */
import assert from "node:assert/strict";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { python, run, sh, succeed } from "../support/mount_programs.ts";

const GIT = {
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

/** Makes a tree of small text files. */
const MAKE_TREE = `
import os, random, sys
root, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
random.seed(seed)
for i in range(count):
    folder = os.path.join(root, f"folder {i % 7}", f"sub{i % 11}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"file-{i:04}.txt"), "wb") as file:
        file.write(random.randbytes(random.randrange(0, 3000)))
`;

mountTest("git clones into a mount, checks the clone, commits and pushes from it", async () => {
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
    const env = { ...GIT, ORIGIN: `${mounted.folder}/bare.git` };
    await sh(folder, `git clone -q "$ORIGIN" work 2>&1`, { env });
    await sh(
      `${folder}/work`,
      'git fsck --full --strict 2>&1; test -z "$(git status --porcelain)"',
      { env },
    );
    await sh(
      `${folder}/work`,
      `echo changed > added; rm "folder 1/sub1/file-0001.txt"; mkdir new; echo n > new/file
       git add -A; git commit -qm three; git gc -q; git fsck --full --strict 2>&1
       git checkout -q HEAD~1; test "$(cat added)" = x; git checkout -q main
       test "$(cat added)" = changed; git push -q origin main 2>&1`,
      { env },
    );
    const head = await sh(`${folder}/work`, "git rev-parse HEAD", { env });
    assert.equal(await succeed("git", ["-C", env.ORIGIN, "rev-parse", "main"], { env }), head);
    // Nothing but objects is left of it, and the tree survives the daemon.
    await mounted.restart();
    await sh(
      `${folder}/work`,
      'git fsck --full --strict 2>&1; test -z "$(git status --porcelain)"',
      { env },
    );
    assert.equal(await mounted.other().text("work/added"), "changed\n");
  });
}, ["git"]);

mountTest(
  "rsync copies 2,000 files in, finds nothing to do again, and copies them out",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const source = `${mounted.folder}/source`;
      await python(MAKE_TREE, [source, "2000", "2"]);
      await sh(source, "chmod 600 'folder 1/sub1/file-0001.txt'; ln -s 'folder 1' link");
      const target = `${mounted.path()}/copy`;
      await succeed("rsync", ["-a", `${source}/`, target]);
      assert.equal(
        [...await mounted.other().keys("copy/")].filter((key) => key.endsWith(".txt")).length,
        2000,
      );

      const again = await succeed("rsync", ["-ai", "--stats", `${source}/`, target]);
      assert.match(again, /Number of regular files transferred: 0\n/);
      assert.doesNotMatch(again, /^[<>ch.][fdL]/m);
      const checked = await succeed("rsync", ["-aic", `${source}/`, target]);
      assert.equal(checked, "");

      await mounted.restart();
      const back = `${mounted.folder}/back`;
      await succeed("rsync", ["-a", `${target}/`, back]);
      await sh(mounted.folder, "diff -r source back");
      const same = await succeed("rsync", ["-aic", "--delete", `${source}/`, back]);
      assert.equal(same, "");
    });
  },
);

mountTest("sqlite3 creates, fills, queries and checks a database in a mount", async () => {
  await withMountedBuckets(async (mounted) => {
    const database = `${mounted.path()}/data.sqlite`;
    const sqlite = (sql: string) => succeed("sqlite3", [database], { stdin: sql });
    await sqlite("CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT);");
    await sqlite(
      `BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
       INSERT INTO t SELECT i, 'row ' || i FROM n; COMMIT; CREATE INDEX by_text ON t (text);`,
    );
    await sqlite("DELETE FROM t WHERE id % 5 = 0; UPDATE t SET text = 'changed' WHERE id = 7;");
    const failing = await run("sqlite3", ["-bail", database], {
      stdin: "BEGIN; DELETE FROM t; INSERT INTO nothing VALUES (1);",
    });
    assert.notEqual(failing.code, 0);
    const question =
      "PRAGMA integrity_check; SELECT count(*), sum(id) FROM t; SELECT text FROM t WHERE id = 7;";
    const expected = "ok\n4000|10000000\nchanged\n";
    assert.equal(await sqlite(question), expected);
    await mounted.restart();
    assert.equal(await sqlite(question), expected);
    assert.equal(await sqlite("VACUUM; PRAGMA integrity_check;"), "ok\n");
    // What another client downloads is the database.
    const copy = `${mounted.folder}/copy.sqlite`;
    await Deno.writeFile(copy, await mounted.other().get("data.sqlite"));
    assert.equal(await succeed("sqlite3", [copy], { stdin: question }), expected);
    assert.deepEqual(await mounted.other().keys(), ["data.sqlite"]);
  });
}, ["rsync"]);

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
    await mounted.restart();
    await sh(mounted.path(), "tar df ../../tree.tar -C tree");
    await sh(
      mounted.path(),
      "tar cf ../../again.tar -C tree .; mkdir ../../again; tar xf ../../again.tar -C ../../again",
    );
    await sh(mounted.folder, "diff -r --no-dereference source again");
  });
}, ["sqlite3"]);

mountTest("vim and sed edit files in a mount, a failed edit leaves the file", async () => {
  await withMountedBuckets(async (mounted) => {
    const folder = mounted.path();
    await sh(
      folder,
      "mkdir notes; printf 'one\ntwo\nthree\n' > notes/list.txt; chmod 640 notes/list.txt",
    );
    const edit = (...options: string[]) =>
      sh(
        folder,
        `vim.tiny -N -u NONE ${
          options.join(" ")
        } -es -c '%s/two/zwei/' -c 'normal Gofour' -c wq notes/list.txt`,
      );
    await edit();
    assert.equal(await mounted.other().text("notes/list.txt"), "one\nzwei\nthree\nfour\n");
    // With a backup that is renamed away, and a swap file that comes and goes.
    await sh(folder, "printf 'one\ntwo\nthree\n' > notes/list.txt");
    await edit("-c 'set backup backupskip= backupcopy=no swapfile'");
    assert.equal(await mounted.other().text("notes/list.txt"), "one\nzwei\nthree\nfour\n");
    assert.equal(await mounted.other().text("notes/list.txt~"), "one\ntwo\nthree\n");
    assert.equal(await sh(folder, "stat -c %a notes/list.txt; rm notes/list.txt~"), "640\n");

    await sh(
      folder,
      "sed -i -e s/zwei/deux/ -e 1d notes/list.txt; sed -i.bak s/four/vier/ notes/list.txt",
    );
    assert.equal(await mounted.other().text("notes/list.txt"), "deux\nthree\nvier\n");
    assert.equal(await mounted.other().text("notes/list.txt.bak"), "deux\nthree\nfour\n");
    assert.equal(await sh(folder, "stat -c %a notes/list.txt"), "640\n");
    const broken = await run("sed", ["-i", "s/three", "notes/list.txt"], { cwd: folder });
    assert.notEqual(broken.code, 0);
    assert.equal(await sh(folder, "cat notes/list.txt"), "deux\nthree\nvier\n");
    assert.deepEqual(
      (await mounted.other().keys("notes/")).sort(),
      ["notes/", "notes/list.txt", "notes/list.txt.bak"],
    );
  });
}, ["vim.tiny"]);

mountTest("cp of 2,000 small files arrives whole, and rm -r leaves no object behind", async () => {
  await withMountedBuckets(async (mounted) => {
    const source = `${mounted.folder}/source`;
    await python(MAKE_TREE, [source, "2000", "4"]);
    await sh(mounted.path(), "cp -r ../../source tree; diff -r ../../source tree");
    await sh(mounted.path(), "cp -r tree ../beta/tree; diff -r tree ../beta/tree");
    const sizes = async (bucket: "alpha" | "beta") =>
      [...await mounted.other(bucket).list("tree/")].filter(([key]) => !key.endsWith("/"));
    assert.equal((await sizes("alpha")).length, 2000);
    assert.deepEqual(await sizes("beta"), await sizes("alpha"));
    await sh(mounted.path(), 'rm -r tree; test ! -e tree; test -z "$(ls)"');
    assert.deepEqual(await mounted.other().keys(), []);
  });
});
