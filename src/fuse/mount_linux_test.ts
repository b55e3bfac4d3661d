import assert from "node:assert/strict";
import {
  eventually,
  mountMemory,
  mountTest,
  run,
  serveMemory,
  sh,
  start,
  withFolder,
  withMount,
} from "../../tests/support/fuse_mounts.ts";
import { MemoryFs } from "../../tests/support/fuse_memory_fs.ts";
import { withSeed } from "../../tests/support/seeded_random.ts";
import { ROOT_INODE } from "../vfs/file_system.ts";
import { MountBusyError } from "./mount_errors.ts";
import { findHolders } from "./mount_holders.ts";
import { findMount } from "./mount_table.ts";

/** Our threads that wait in a function of the kernel. */
async function waitingIn(kernelFunction: string): Promise<string[]> {
  const { stdout } = await run("sh", ["-c", `cat /proc/${Deno.pid}/task/*/stack 2>/dev/null`]);
  return stdout.split("\n").filter((line) => line.includes(kernelFunction));
}

mountTest("Ordinary programs use a mount", () =>
  withMount(async ({ path }) => {
    const output = await sh(
      path,
      `cd $M; mkdir -p a/b; echo one > a/x; echo two >> a/x; cp a/x "a/b/grüße €.txt"; ln -s x a/l
       cat a/l; ln a/x a/h; stat -c %h a/x; mv a/b a/c; ls a/c; mv a/x a/y; cat a/h
       chmod 751 a/y; touch -d @1700000000.5 a/y; stat -c '%a %.1Y %s' a/y; truncate -s 3 a/y
       cat a/y; echo; dd if=a/y bs=1 skip=1 count=1 2>/dev/null; echo
       rm a/h a/l; rmdir a/c 2>/dev/null || echo not empty; rm -r a; ls -A
       stat -f -c '%l %s' .; stat -c %F .`,
    );
    assert.deepEqual(output.trim().split("\n"), [
      ...["one", "two", "2", "grüße €.txt", "one", "two", "751 1700000000.5 8", "one", "n"],
      ...["not empty", "255 4096", "directory"],
    ]);
  }));

mountTest(
  "The mount table shows who mounted what, and that it is restricted",
  () =>
    withMount(async ({ path }) => {
      const table = await Deno.readTextFile("/proc/self/mountinfo");
      const line = table.split("\n").find((entry) => entry.includes(path)) ?? "";
      assert.match(line, / rw,nosuid,nodev,relatime .*- fuse\.cloudmount cloudmount\\043test /);
      assert.match(line, /user_id=0,group_id=0,default_permissions,allow_other$/);
    }, { allowOther: true }),
);

mountTest("A read-only mount refuses to be written to", () =>
  withMount(async ({ path }) => {
    const { code, stderr } = await run("touch", [`${path}/x`]);
    assert.equal(code, 1);
    assert.match(stderr, /Read-only/);
  }, { readOnly: true }));

mountTest(
  "A large file is read in requests of 1 MiB, and every byte is right",
  () =>
    withSeed((random) =>
      withMount(async ({ fs, path }) => {
        const data = new Uint8Array(48 << 20);
        const words = new Uint32Array(data.buffer);
        for (let index = 0; index < words.length; index++) words[index] = random.below(2 ** 32);
        fs.addFile("big", data);
        const digest = await crypto.subtle.digest("SHA-256", data);
        const expected = [...new Uint8Array(digest)].map((byte) =>
          byte.toString(16).padStart(2, "0")
        );
        assert.equal((await sh(path, "sha256sum < $M/big")).slice(0, 64), expected.join(""));
        assert.ok((fs.calls.get(`read ${1 << 20}`) ?? 0) > 30, JSON.stringify([...fs.calls]));
        // Written back: the kernel sends 1 MiB at a time, straight from the request buffer.
        await sh(path, "dd if=$M/big of=$M/copy bs=1M 2>/dev/null; cmp $M/big $M/copy");
        assert.equal(fs.calls.get(`write ${1 << 20}`), 48);
      })
    ),
);

mountTest(
  "A folder of 10,000 files is listed completely, with attributes and few lookups",
  () =>
    withMount(async ({ fs, path }) => {
      for (let index = 0; index < 10_000; index++) {
        fs.addFile(`file number ${index}`, new Uint8Array(index % 10));
      }
      const names = (await sh(path, "ls -f $M")).trim().split("\n").sort();
      const expected = [...fs.node(ROOT_INODE).children.keys(), ".", ".."].sort();
      assert.deepEqual(names, expected);
      fs.calls.clear();
      const long = (await sh(path, "ls -l $M | awk 'NR>1 {sum += $5} END {print NR, sum}'")).trim();
      assert.equal(long, "10001 45000");
      assert.ok((fs.calls.get("lookup") ?? 0) < 100, JSON.stringify([...fs.calls]));
      assert.ok((fs.calls.get("getxattr security.selinux") ?? 0) === 0);
    }),
);

mountTest(
  "The kernel's lookups are all forgotten when it drops its caches",
  () =>
    withMount(async ({ fs, path }) => {
      await sh(path, "cd $M; mkdir -p d/e; for i in 1 2 3 4 5 6 7 8; do echo $i > d/f$i; done");
      await sh(path, "ls -lR $M >/dev/null; mv $M/d/f1 $M/d/e/; rm $M/d/f2; find $M | xargs stat");
      assert.ok(fs.lookups > 5);
      await eventually("all lookups forgotten", async () => {
        await sh(path, "echo 3 > /proc/sys/vm/drop_caches");
        return fs.lookups === 0;
      });
      assert.equal(fs.handles.size, 0);
    }),
);

// With direct I/O: a read through the page cache is the kernel's own and is not interrupted.
for (const signal of ["INT", "TERM", "KILL"]) {
  mountTest(
    `A blocked read returns at once when its program gets SIG${signal}`,
    () =>
      withMount(async ({ fs, path }) => {
        fs.addFile("blocked", new Uint8Array(10));
        const reader = new Deno.Command("cat", { args: [`${path}/blocked`], stdout: "null" })
          .spawn();
        await eventually("the read began", async () => {
          await run("true", []);
          return fs.blocked.size === 1;
        });
        const startMs = performance.now();
        reader.kill(`SIG${signal}` as Deno.Signal);
        assert.equal((await reader.status).signal, `SIG${signal}`);
        assert.ok(performance.now() - startMs < 2000);
        assert.equal(fs.interrupted, 1);
      }, { directIo: true }),
  );
}

mountTest("A program's timer does not disturb its read", () =>
  withMount(async ({ fs, path }) => {
    fs.addFile("blocked", new TextEncoder().encode("whole"));
    const program = `
import os, signal, sys
ticks = []
def tick(*_): ticks.append(1)
signal.signal(signal.SIGALRM, tick)
fd = os.open(sys.argv[1], os.O_RDONLY)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
print(os.read(fd, 10).decode(), len(ticks) > 0)`;
    const reading = run("python3", ["-c", program, `${path}/blocked`]);
    let looks = 0;
    await eventually("the read has gone on for ten ticks", async () => {
      await run("sleep", ["0.2"]);
      return fs.blocked.size === 1 && ++looks === 2;
    });
    for (const release of fs.blocked) release();
    assert.equal((await reading).stdout, "whole True\n");
    assert.equal(fs.interrupted, 0);
  }, { directIo: true }));

mountTest("A leftover mount of a killed daemon is replaced", () =>
  withFolder(async (folder) => {
    const { mountPoint, kill } = await serveMemory(folder);
    assert.equal(await sh(mountPoint, "cat $M/hello"), "hello\n");
    await kill();
    assert.match((await run("ls", [mountPoint])).stderr, /not connected/);
    const fs = new MemoryFs();
    fs.addFile("fresh", new Uint8Array(1));
    const mount = await mountMemory(fs, mountPoint);
    assert.equal(await sh(mountPoint, "ls $M"), "fresh\n");
    await mount.unmount();
    assert.equal(await findMount(mount.mountPoint), undefined);
  }));

mountTest("A living mount is not replaced", () =>
  withMount(async ({ path }) => {
    await assert.rejects(
      mountMemory(new MemoryFs(), path),
      /another cloudmount has "test".*served/,
    );
  }));

mountTest(
  "A busy mount is not unmounted, and its holder is named",
  () =>
    withMount(async ({ mount, path }) => {
      await sh(path, "mkdir $M/dir");
      const holder = await start("sh", ["-c", `cd ${path}/dir; echo in; read line`]);
      await assert.rejects(mount.unmount(), (error) => {
        assert.ok(error instanceof MountBusyError);
        assert.deepEqual(error.holders, [
          { pid: holder.child.pid, command: "sh", path: `${path}/dir` },
        ]);
        return true;
      });
      assert.equal(await sh(path, "ls $M"), "dir\n");
      holder.child.kill("SIGTERM");
      await holder.end();
      await mount.unmount();
      await mount.closed;
      await mount.unmount();
    }),
);

mountTest(
  "Holders are found by their open files and mappings",
  () =>
    withMount(async ({ fs, path }) => {
      fs.addFile("file", new Uint8Array(5000));
      const program = `
import mmap, sys
file = open(sys.argv[1])
if sys.argv[2] == "map":
    kept = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    file.close()
print("in", flush=True)
sys.stdin.read()`;
      for (const how of ["open", "map"]) {
        const holder = await start("python3", ["-c", program, `${path}/file`, how]);
        const holders = await findHolders(path);
        assert.deepEqual(holders.map((found) => [found.pid, found.path]), [
          [holder.child.pid, `${path}/file`],
        ]);
        await holder.child.stdin.close();
        await holder.end();
      }
      assert.deepEqual(await findHolders(path), []);
    }),
);

mountTest(
  "With force a busy mount goes away and its blocked callers get an error",
  () =>
    withMount(async ({ fs, mount, path }) => {
      fs.addFile("blocked", new Uint8Array(10));
      const reading = run("cat", [`${path}/blocked`]);
      await eventually("the read began", async () => {
        await run("true", []);
        return fs.blocked.size === 1;
      });
      await mount.unmount({ force: true });
      assert.equal(await findMount(path), undefined);
      assert.equal((await reading).code, 1);
    }),
);

mountTest(
  "closed resolves when somebody else unmounts",
  () =>
    withMount(async ({ mount, path }) => {
      await sh(path, "umount $M");
      await mount.closed;
      await mount.unmount();
    }),
);

mountTest(
  "What changed behind the kernel's back is seen after a notification",
  () =>
    withMount(async ({ fs, mount, path }) => {
      // Not cat, which asks for the attributes first and so learns the new size.
      const program =
        `import os; print(os.read(os.open(os.environ["M"] + "/note", 0), 9).decode())`;
      const look = () => sh(path, `python3 -c '${program}'; stat -c found $M/late || echo none`);
      const ino = fs.addFile("note", new TextEncoder().encode("old"));
      assert.equal(await look(), "old\nnone\n");
      const node = fs.node(ino);
      node.data = new TextEncoder().encode("new");
      fs.addFile("late", new Uint8Array(0));
      assert.equal(await look(), "old\nnone\n");
      mount.notifier.invalidateInode(ino, 0, 0);
      mount.notifier.invalidateEntry(ROOT_INODE, "late");
      await eventually("the change is seen", async () => await look() === "new\nfound\n");
    }),
);

mountTest(
  "A notification about a folder in which something is being made waits for it",
  () =>
    withMount(async ({ fs, mount, path }) => {
      fs.addFile("other", new Uint8Array(0));
      await sh(path, "ls $M/other");
      const gate = Promise.withResolvers<void>();
      const began = Promise.withResolvers<void>();
      const { create } = fs;
      fs.create = (async (...args: Parameters<typeof create>) => {
        began.resolve();
        await gate.promise;
        return create.apply(fs, args);
      }) as unknown as typeof create; // Asynchronous where the class is not.
      const making = run("touch", [`${path}/made`]);
      await began.promise;
      for (let index = 0; index < 20; index++) {
        mount.notifier.invalidateEntry(ROOT_INODE, `name ${index}`);
      }
      mount.notifier.invalidateEntry(ROOT_INODE, "other");
      // The folder is locked by touch; a name that the kernel knows can still be used.
      assert.equal((await run("stat", [`${path}/other`])).code, 0);
      assert.deepEqual(await waitingIn("fuse_reverse_inval_entry"), []);
      gate.resolve();
      assert.equal((await making).code, 0);
      fs.calls.clear();
      await eventually("the entry is forgotten", async () => {
        await run("stat", [`${path}/other`]);
        return (fs.calls.get("lookup") ?? 0) > 0;
      });
    }),
);

mountTest(
  "The kernel reads ahead as far as one request reaches",
  () =>
    withMount(async ({ path }) => {
      const device = (await findMount(path))?.device ?? "";
      const setting = await Deno.readTextFile(`/sys/class/bdi/${device}/read_ahead_kb`);
      assert.equal(setting.trim(), "1024");
    }),
);
