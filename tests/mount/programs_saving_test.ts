/** How programs save, unpack, install and copy: each way leaves the objects that it means. */
import assert from "node:assert/strict";
import { mountTest, withMountedBuckets } from "../support/mount_daemon.ts";
import { flushMount, JOURNAL } from "../support/mount_flush.ts";
import { mirrorBucket } from "../support/mount_mirror.ts";
import {
  firstProgram,
  MAKE_TREE,
  python,
  run,
  sh,
  sha256OfFile,
} from "../support/mount_programs.ts";

/** Vim's names on various systems; the smallest will do. */
const VIM = firstProgram(["vim.tiny", "vim.basic", "vim"]) ?? "vim";

mountTest("vim and sed edit files in a mount, a failed edit leaves the file", async () => {
  await withMountedBuckets(async (mounted) => {
    const folder = mounted.path();
    const text = async (key: string) => {
      await flushMount(mounted);
      return await mounted.other().text(key);
    };
    await sh(
      folder,
      "mkdir notes; printf 'one\ntwo\nthree\n' > notes/list.txt; chmod 640 notes/list.txt",
    );
    const edit = (...options: string[]) =>
      sh(
        folder,
        `${VIM} -N -u NONE ${
          options.join(" ")
        } -es -c '%s/two/zwei/' -c 'normal Gofour' -c wq notes/list.txt`,
      );
    await edit();
    assert.equal(await text("notes/list.txt"), "one\nzwei\nthree\nfour\n");
    // With a backup that is renamed away, and a swap file that comes and goes.
    await sh(folder, "printf 'one\ntwo\nthree\n' > notes/list.txt");
    await edit("-c 'set backup backupskip= backupcopy=no swapfile'");
    assert.equal(await text("notes/list.txt"), "one\nzwei\nthree\nfour\n");
    assert.equal(await text("notes/list.txt~"), "one\ntwo\nthree\n");
    assert.equal(await sh(folder, "stat -c %a notes/list.txt; rm notes/list.txt~"), "640\n");

    await sh(
      folder,
      "sed -i -e s/zwei/deux/ -e 1d notes/list.txt; sed -i.bak s/four/vier/ notes/list.txt",
    );
    assert.equal(await text("notes/list.txt"), "deux\nthree\nvier\n");
    assert.equal(await text("notes/list.txt.bak"), "deux\nthree\nfour\n");
    assert.equal(await sh(folder, "stat -c %a notes/list.txt"), "640\n");
    const broken = await run("sed", ["-i", "s/three", "notes/list.txt"], { cwd: folder });
    assert.notEqual(broken.code, 0);
    assert.equal(await sh(folder, "cat notes/list.txt"), "deux\nthree\nvier\n");
    await flushMount(mounted);
    assert.deepEqual(
      (await mounted.other().keys("notes/")).sort(),
      ["notes/", "notes/list.txt", "notes/list.txt.bak"],
    );
  }, { defaults: JOURNAL });
}, [VIM]);

/** Replaces a file by whole new versions, while a thread reads it and must never see half of one. */
const REPLACE = `
import hashlib, os, sys, tempfile, threading
path, versions = sys.argv[1], int(sys.argv[2])
def version(i):
    body = (f"version {i} " * (i * 50 + 1)).encode()
    return hashlib.sha256(body).hexdigest().encode() + body
def save(i):
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), prefix=".save-", delete=False) as file:
        file.write(version(i)); file.flush(); os.fsync(file.fileno())
    os.replace(file.name, path)
save(0)
done, wrong, seen = threading.Event(), [], set()
def watch():
    while not done.is_set():
        with open(path, "rb") as file: got = file.read()
        seen.add(got[:64])
        if hashlib.sha256(got[64:]).hexdigest().encode() != got[:64]: wrong.append(len(got))
watcher = threading.Thread(target=watch); watcher.start()
for i in range(1, versions): save(i)
done.set(); watcher.join()
assert not wrong, ("half a version was read", wrong[:5])
print(hashlib.sha256(version(versions - 1)).hexdigest(), len(seen))
`;

mountTest(
  "a file that is replaced by os.replace is always a whole version, here and in S3",
  async () => {
    await withMountedBuckets(async (mounted) => {
      const said = await python(REPLACE, [`${mounted.path()}/settings.json`, "60"]);
      const [hash, seen] = said.trim().split(" ");
      assert.ok(Number(seen) > 1, "the reader saw several versions");
      await flushMount(mounted);
      assert.equal(await mounted.other().sha256("settings.json"), hash);
      assert.deepEqual(await mounted.other().keys(), ["settings.json"]);
    }, { defaults: JOURNAL });
  },
);

/** A word processor: a lock file for the owner, the old version moved aside, the new one renamed in. */
const OFFICE = `
import os, sys
folder, name = sys.argv[1], "Annual report.docx"
os.chdir("/")
def path(file): return os.path.join(folder, file)
def write(file, data):
    fd = os.open(path(file), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, data); os.fsync(fd); os.close(fd)
write(name, b"draft 0 " * 4000)
for draft in range(1, 6):
    write("~$nual report.docx", b"\\x05owner".ljust(162))
    with open(path(name), "rb") as file: assert file.read() == b"draft %d " % (draft - 1) * 4000
    write("~WRD0001.tmp", b"draft %d " % draft * 4000)
    os.rename(path(name), path("~WRL0002.tmp"))
    os.rename(path("~WRD0001.tmp"), path(name))
    os.unlink(path("~WRL0002.tmp"))
    os.unlink(path("~$nual report.docx"))
    assert os.listdir(folder) == [name], os.listdir(folder)
`;

mountTest("saving as office programs do leaves one object with the last draft", async () => {
  await withMountedBuckets(async (mounted) => {
    await python(OFFICE, [mounted.path()]);
    await flushMount(mounted);
    assert.deepEqual(await mounted.other().keys(), ["Annual report.docx"]);
    assert.equal(await mounted.other().text("Annual report.docx"), "draft 5 ".repeat(4000));
    await mounted.restart();
    const size = await sh(mounted.path(), "stat -c %s 'Annual report.docx'");
    assert.equal(size, `${"draft 5 ".length * 4000}\n`);
  }, { defaults: JOURNAL });
});

mountTest("zip files are unpacked in a mount, changed there, and are whole in S3", async () => {
  await withMountedBuckets(async (mounted) => {
    const source = `${mounted.folder}/source`;
    await python(MAKE_TREE, [source, "200", "5"]);
    await sh(source, "find . -exec touch -d 2011-12-13T14:15:16Z {} +; zip -q -r ../tree.zip .");
    await sh(mounted.path(), "unzip -q ../../tree.zip -d tree; diff -r ../../source tree");
    const times = await sh(mounted.path(), "find tree -type f -printf '%T@\\n' | sort -u");
    assert.equal(times, "1323785716.0000000000\n");
    await sh(
      mounted.path(),
      "cp ../../tree.zip kept.zip; echo more > more.txt; zip -q kept.zip more.txt; unzip -tq kept.zip",
    );
    await flushMount(mounted);
    await mirrorBucket(mounted.other(), "", `${mounted.folder}/copy`);
    await sh(
      mounted.folder,
      "diff -r source copy/tree; unzip -tq copy/kept.zip; diff -r copy mnt/alpha",
    );
  }, { defaults: JOURNAL });
}, ["zip", "unzip"]);

mountTest("cp --sparse=always copies a sparse file in and out, byte for byte", async () => {
  await withMountedBuckets(async (mounted) => {
    await sh(
      mounted.folder,
      `truncate -s 40M sparse; for at in 0 5000 7777777 20000000 41900000
       do head -c 30000 /dev/urandom | dd of=sparse bs=1 seek=$at conv=notrunc status=none; done`,
    );
    const hash = await sha256OfFile(`${mounted.folder}/sparse`);
    await sh(mounted.path(), "cp --sparse=always ../../sparse one; cmp one ../../sparse");
    await sh(mounted.path(), "cp --sparse=always one two; cp --sparse=always two ../../back");
    await sh(mounted.folder, 'cmp back sparse; test "$(du -k back | cut -f 1)" -lt 2000');
    await flushMount(mounted);
    assert.equal(await mounted.other().sha256("one"), hash);
    assert.equal(await mounted.other().sha256("two"), hash);
  }, { defaults: JOURNAL });
});

mountTest("npm installs a package into a mount, and its program runs there", async () => {
  await withMountedBuckets(async (mounted) => {
    const source = `${mounted.folder}/greeter`;
    await sh(
      mounted.folder,
      `mkdir -p greeter/lib; cd greeter
       echo '{"name":"@example/greeter","version":"1.2.3","bin":{"greet":"greet.js"}}' > package.json
       printf '#!/usr/bin/env node\nconsole.log(require("./lib/1.js") + require("./lib/200.js"));\n' > greet.js
       for i in $(seq 200); do echo "module.exports = $i;" > lib/$i.js; done
       npm pack --silent`,
      { env: npmEnvironment(mounted.folder) },
    );
    const folder = mounted.path();
    await sh(
      folder,
      `mkdir app; cd app; echo '{"name":"app","version":"1.0.0"}' > package.json
       npm install --offline --no-audit --no-fund --silent ${source}/example-greeter-1.2.3.tgz
       test "$(node_modules/.bin/greet)" = 201; npm ls --silent`,
      { env: npmEnvironment(mounted.folder) },
    );
    await flushMount(mounted);
    await mirrorBucket(mounted.other(), "app/", `${mounted.folder}/copy`);
    await sh(
      mounted.folder,
      `diff -r --no-dereference copy mnt/alpha/app; test "$(node copy/node_modules/.bin/greet)" = 201
       diff -r greeter/lib copy/node_modules/@example/greeter/lib`,
    );
    await sh(folder, 'rm -r app; test -z "$(ls)"');
    await flushMount(mounted);
    assert.deepEqual(await mounted.other().keys(), []);
  }, { defaults: JOURNAL });
}, ["npm", "node"]);

/** Without network, and with nothing of npm's outside the test's folder. */
function npmEnvironment(folder: string): Record<string, string> {
  return {
    HOME: folder,
    npm_config_cache: `${folder}/npm-cache`,
    npm_config_update_notifier: "false",
    npm_config_userconfig: "/dev/null",
  };
}

mountTest("ten dd at a time write ten files, each whole", async () => {
  await withMountedBuckets(async (mounted) => {
    const folder = mounted.path();
    await sh(
      mounted.folder,
      `for i in 0 1 2 3 4 5 6 7 8 9
       do head -c $((3000000 + i * 77777)) /dev/urandom > in$i; done`,
    );
    const files = Array.from({ length: 10 }, (_, index) => index);
    await Promise.all(files.map((index) => {
      // Some leave the upload to close, some ask for it, some bypass the page cache's sizes.
      const how = ["", "conv=fsync", "oflag=append conv=notrunc"][index % 3];
      const size = ["64k", "4k", "1M"][index % 3];
      return sh(folder, `dd if=../../in${index} of=out${index} bs=${size} ${how} status=none`);
    }));
    await flushMount(mounted);
    for (const index of files) {
      const expected = await sha256OfFile(`${mounted.folder}/in${index}`);
      assert.equal(await mounted.other().sha256(`out${index}`), expected, `out${index}`);
      assert.equal(
        await sha256OfFile(`${folder}/out${index}`),
        expected,
        `out${index} in the mount`,
      );
    }
  }, { defaults: JOURNAL });
});
