/** What is done to files and directories in a mount, and what S3 holds then. */
import assert from "node:assert/strict";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { python, run, sh } from "../support/mount_programs.ts";

mountTest(
  "a directory of 200 files is renamed with all below it, and its old keys are gone",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      await sh(
        folder,
        `mkdir -p old/sub/deep old/empty; chmod 700 old/sub
       for i in $(seq 1 100); do echo $i > old/f$i; echo deep $i > "old/sub/deep/g $i"; done
       chmod 755 old/f7; touch -d @1234567890 old/f8; ln -s f7 old/link; mkdir target
       find old -type d -exec touch -d @1000000000 {} +
       find old -printf '%P %m %s %Ts %l\\n' | sort > ../../before`,
      );
      const objects = await mounted.other().list("old/");
      await sh(folder, "mv old target/new; test ! -e old; ls target/new/sub/deep | wc -l");
      assert.deepEqual(await mounted.other().keys("old"), []);
      const moved = await mounted.other().list("target/new/");
      assert.deepEqual(
        [...moved].map(([key, size]) => [key.replace("target/new/", "old/"), size]),
        [...objects],
      );
      const listing =
        "find target/new -printf '%P %m %s %Ts %l\\n' | sort > ../../after; diff ../../before ../../after";
      await sh(folder, listing);
      await mounted.restart();
      await sh(folder, listing);
      await sh(folder, "diff target/new/f9 - <<E\n9\nE");
      await sh(
        folder,
        "mv target/new/sub ../alpha/up; test \"$(cat 'up/deep/g 100')\" = 'deep 100'; mv up up2; mv up2 up",
      );
      assert.equal((await mounted.other().keys("up/deep/")).length, 101);
      await sh(folder, "rm -r target up");
      assert.deepEqual(await mounted.other().keys(), []);
    });
  },
);

mountTest(
  "a renamed file is one object under its new name, with bytes, type and attributes",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      await sh(
        folder,
        "mkdir d; echo content > page.html; chmod 600 page.html; touch -d @1000000000 page.html",
      );
      await sh(folder, "mv page.html d/renamed.txt; mv d/renamed.txt 'd/with space.txt'");
      assert.deepEqual(await mounted.other().keys(), ["d/", "d/with space.txt"]);
      assert.equal(await mounted.other().text("d/with space.txt"), "content\n");
      assert.match((await mounted.other().head("d/with space.txt"))!.contentType!, /^text\/html/);
      await sh(folder, "echo other > other; mv -f other 'd/with space.txt'");
      assert.deepEqual(await mounted.other().keys(), ["d/", "d/with space.txt"]);
      assert.equal(await mounted.other().text("d/with space.txt"), "other\n");
      const across = await sh(
        folder,
        "mv 'd/with space.txt' ../beta/moved; cat ../beta/moved; ls -A d | wc -l",
      );
      assert.equal(across, "other\n0\n");
      assert.equal(await mounted.other("beta").text("moved"), "other\n");
    });
  },
);

mountTest("chmod, chown, times and links survive the daemon, and are object metadata", async () => {
  await withMountedBuckets(async (mounted) => {
    const folder = mounted.path();
    const show = "stat -c '%n %a %u %g %Y %F %N' file dir link run.sh | sort";
    await sh(
      folder,
      `echo x > file; chmod 640 file; chown 1234:4321 file; touch -d '2001-02-03 04:05:06.789Z' file
       mkdir dir; chmod 1770 dir; touch -d @1000000000 dir; ln -s 'some where/else' link
       printf '#!/bin/sh\\necho ran "$1"\\n' > run.sh; chmod +x run.sh`,
    );
    const before = await sh(folder, show);
    assert.equal(await sh(folder, "./run.sh now"), "ran now\n");
    const { metadata } = (await mounted.other().head("file"))!;
    assert.equal(metadata["uid"], "1234");
    assert.equal(metadata["gid"], "4321");
    assert.equal(Number(metadata["mode"]) & 0o7777, 0o640);
    assert.equal(Math.floor(Number(metadata["mtime"])), 981_173_106);
    await mounted.restart();
    assert.equal(await sh(folder, show), before);
    assert.equal(await sh(folder, "./run.sh again"), "ran again\n");
    assert.equal(await sh(folder, "stat -c %y file | cut -c 21-23"), "789\n");
    // Attributes change without the bytes, bytes without the attributes.
    await sh(folder, "chmod 600 file; echo longer > file; stat -c '%a %u' file");
    assert.equal(await mounted.other().text("file"), "longer\n");
    await mounted.restart();
    assert.equal(await sh(folder, "stat -c '%a %u %s' file"), "600 1234 7\n");
  });
});

mountTest(
  "metadata and content type that other clients gave an object survive an edit",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      await mounted.other().put("theirs.bin", "0123456789", {
        colour: "blue",
        mtime: "1000000000.5",
      });
      await sh(
        folder,
        "printf XY | dd of=theirs.bin bs=1 seek=4 conv=notrunc status=none; chmod 600 theirs.bin",
      );
      assert.equal(await mounted.other().text("theirs.bin"), "0123XY6789");
      const head = (await mounted.other().head("theirs.bin"))!;
      assert.equal(head.metadata["colour"], "blue");
    });
  },
);

mountTest(
  "writes in the middle of, behind and over a 20 MiB object are what S3 holds then",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      await sh(folder, "head -c 20971520 /dev/urandom > ../../model; cp ../../model large");
      const same = async (step: string) => {
        const hash = (await sh(mounted.folder, "sha256sum < model")).slice(0, 64);
        assert.equal(await mounted.other().sha256("large"), hash, `${step}: over S3`);
        assert.equal(
          (await sh(folder, "sha256sum < large")).slice(0, 64),
          hash,
          `${step}: in the mount`,
        );
      };
      await same("copied");
      await mounted.restart();
      const edit = async (step: string, script: string) => {
        await sh(mounted.folder, script, { env: { F: "model" } });
        await sh(folder, script, { env: { F: "large" } });
        await same(step);
      };
      await edit(
        "middle",
        "printf 'twelve bytes' | dd of=$F bs=1 seek=10000000 conv=notrunc status=none",
      );
      await edit("append", "echo appended >> $F; seq 1 1000 >> $F");
      await edit("cut", "truncate -s 17000001 $F");
      await edit(
        "grown",
        "truncate -s 18000001 $F; printf end | dd of=$F bs=1 seek=19000000 conv=notrunc status=none",
      );
      await edit("small", "truncate -s 1000 $F");
      await edit("gone", ": > $F; printf new >> $F");
    });
  },
);

mountTest(
  "files opened O_EXCL, appended to, written side by side and removed are as they should",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      await python(
        `
import os
os.close(os.open("exclusive", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
try: os.open("exclusive", os.O_CREAT | os.O_EXCL); raise SystemExit("opened twice")
except FileExistsError: pass
with open("writing", "wb") as writing, open("leaving", "wb") as leaving:
    for i in range(50):
        writing.write(b"x" * 10000); leaving.write(b"y" * 10000)
        if i == 20: os.unlink("leaving")
        if i == 30: writing.flush(); os.fsync(writing.fileno())
`,
        [],
        { cwd: folder },
      );
      await sh(folder, "for i in 1 2 3 4 5; do echo line $i >> log; done; touch empty; touch log");
      assert.deepEqual([...await mounted.other().list()], [
        ["empty", 0],
        ["exclusive", 0],
        ["log", 35],
        ["writing", 500_000],
      ]);
      assert.equal((await mounted.status()).uploads.pending_files, 0);
    });
  },
);

mountTest(
  "rmdir refuses what is not empty here or in S3, and mkdir makes what other clients see",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const folder = mounted.path();
      await sh(folder, "mkdir a b; touch a/f");
      assert.deepEqual(await mounted.other().keys(), ["a/", "a/f", "b/"]);
      const refused = await run("rmdir", ["a"], { cwd: folder });
      assert.match(refused.stderr, /not empty/);
      // Filled by another client since it was listed.
      await sh(folder, "ls b");
      await mounted.other().put("b/theirs", "x");
      const filled = await run("rmdir", ["b"], { cwd: folder });
      assert.match(filled.stderr, /not empty/);
      assert.equal(await sh(folder, "cat b/theirs"), "x");
      await sh(folder, "rm a/f; test -d a; rmdir a; test ! -e a");
      assert.deepEqual(await mounted.other().keys(), ["b/", "b/theirs"]);
    });
  },
);

mountTest("a read-only mount reads, and refuses every change with EROFS", async () => {
  await withMountedBuckets(async (mounted) => {
    await mounted.other().put("d/file", "content");
    const folder = mounted.path();
    assert.equal(await sh(folder, "cat d/file"), "content");
    await python(
      `
import errno, os
changes = [lambda: open("new", "w"), lambda: open("d/file", "r+"), lambda: open("d/file", "a"),
    lambda: os.unlink("d/file"), lambda: os.mkdir("x"), lambda: os.rmdir("d"), lambda: os.rename("d", "e"),
    lambda: os.chmod("d/file", 0o600), lambda: os.utime("d/file"), lambda: os.truncate("d/file", 0),
    lambda: os.symlink("a", "b"), lambda: os.chown("d/file", 1, 1)]
for index, change in enumerate(changes):
    try: change()
    except OSError as error:
        if error.errno != errno.EROFS: raise SystemExit(f"change {index}: {error}")
    else: raise SystemExit(f"change {index} was made")
`,
      [],
      { cwd: folder },
    );
    assert.equal((await mounted.status()).read_only, true);
    assert.deepEqual(await mounted.other().keys(), ["d/file"]);
  }, { mounts: { alpha: "read_only = true" } });
});

mountTest("df, stat -f and du tell something sensible", async () => {
  await withMountedBuckets(async (mounted) => {
    await mounted.other().put("file", "x".repeat(10_000));
    const folder = mounted.path();
    assert.match(await sh(folder, "df -h . | tail -n 1"), /^cloudmount#alpha /);
    assert.equal(await sh(folder, "df --output=target . | tail -n 1"), `${folder}\n`);
    assert.match(await sh(folder, "stat -f -c '%l %T' ."), /^255 fuse/);
    assert.match(await sh(folder, "du --apparent-size -b file"), /^10000\t/);
    assert.notEqual(await sh(folder, "du -s file | cut -f 1"), "0\n");
    const program = await sh(folder, "grep -c ' fuse.cloudmount ' /proc/mounts");
    assert.ok(Number(program) >= 2);
  });
});

mountTest("a prefix of a bucket is mounted alone", async () => {
  await withMountedBuckets(async (mounted) => {
    await mounted.other().put("a/b/inside", "in");
    await mounted.other().put("a/bc", "beside");
    await mounted.other().put("outside", "out");
    const folder = mounted.path();
    assert.equal(await sh(folder, "ls -A"), "inside\n");
    await sh(folder, "echo new > new; mkdir d; mv inside d/; rm -r d; echo x > x; mv x y");
    assert.deepEqual(await mounted.other().keys(), ["a/b/new", "a/b/y", "a/bc", "outside"]);
  }, { mounts: { alpha: 'prefix = "a/b/"' } });
});
