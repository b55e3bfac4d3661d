/** What the kernel does with what was agreed in INIT, seen by programs on a real mount. */
import assert from "node:assert/strict";
import { mountTest, run, sh, withMount } from "../../tests/support/fuse_mounts.ts";
import { ROOT_INODE } from "../vfs/file_system.ts";

/** Runs a Python program in the mount; what it prints. */
async function python(path: string, program: string): Promise<string> {
  const { code, stdout, stderr } = await run("python3", ["-c", `import os\n${program}`], {
    PWD: path,
    M: path,
  });
  assert.equal(code, 0, stderr);
  return stdout;
}

mountTest(
  "O_DIRECT is accepted, with sizes that no disk would take",
  () =>
    withMount(async ({ fs, path }) => {
      const output = await sh(
        path,
        `cd $M; head -c 300001 /dev/urandom > a
       dd if=a of=b bs=100003 iflag=direct oflag=direct 2>/dev/null; cmp a b
       dd if=a of=c bs=1M oflag=direct conv=notrunc 2>/dev/null; cmp a c
       dd if=b bs=4096 iflag=direct 2>/dev/null | cmp - a; stat -c %s b`,
      );
      assert.equal(output.trim(), "300001");
      assert.ok(fs.calls.has("write 100003"), "bypassed the page cache");
    }),
);

for (const directIo of [false, true]) {
  const how = directIo ? "without the page cache" : "in the page cache";
  mountTest(
    `A shared mapping ${how} and read and write of the file see the same bytes`,
    () =>
      withMount(async ({ path }) => {
        const output = await python(
          path,
          `import mmap, subprocess
os.chdir(os.environ["M"])
f = os.open("a", os.O_RDWR | os.O_CREAT)
os.write(f, b"x" * 10000)
m = mmap.mmap(f, 10000)
m[5000:5005] = b"hello"
m.flush()
print(os.pread(f, 7, 4999))
print(subprocess.check_output(["tail", "-c", "+5001", "a"])[:6])
os.pwrite(f, b"WORLD", 5000)
print(m[4999:5006])
m.close()
os.close(f)
print(open("a", "rb").read()[4999:5006])`,
        );
        assert.deepEqual(output.trim().split("\n"), [
          ...["b'xhellox'", "b'hellox'", "b'xWORLDx'", "b'xWORLDx'"],
        ]);
      }, { directIo }),
  );
}

mountTest(
  "flock and fcntl locks hold among processes, and nobody asks us",
  () =>
    withMount(async ({ path }) => {
      const output = await python(
        path,
        `import fcntl, subprocess, sys
os.chdir(os.environ["M"])
f = open("a", "w+")
other = """
import fcntl, sys
f = open("a", "r+")
for lock in (fcntl.flock, fcntl.lockf):
    try: lock(f, fcntl.LOCK_EX | fcntl.LOCK_NB); print("free")
    except BlockingIOError: print("held")
"""
for lock in (fcntl.flock, fcntl.lockf):
    lock(f, fcntl.LOCK_EX)
    print(subprocess.check_output([sys.executable, "-c", other], text=True).split())
    lock(f, fcntl.LOCK_UN)`,
      );
      assert.equal(output.trim(), "['held', 'free']\n['free', 'held']");
    }),
);

mountTest(
  "A program that runs cannot be emptied by opening it",
  () =>
    withMount(async ({ fs, path }) => {
      const output = await python(
        path,
        `import shutil, subprocess
os.chdir(os.environ["M"])
shutil.copy(os.path.realpath(shutil.which("sleep")), "a")
child = subprocess.Popen(["./a", "20"])
# Opened for reading: it is O_TRUNC alone that asks to write.
try: os.open("a", os.O_RDONLY | os.O_TRUNC)
except OSError as error: print(error.strerror)
child.kill(); child.wait()`,
      );
      assert.equal(output.trim(), "Text file busy");
      // Not by stat(2): the kernel may remember another size than ours.
      assert.ok(fs.node(fs.node(ROOT_INODE).children.get("a")!).size > 0);
    }),
);

mountTest("cp lets the file system copy", () =>
  withMount(async ({ fs, path }) => {
    await sh(path, "cd $M; head -c 3000000 /dev/urandom > a; cp a b; cmp a b");
    assert.ok([...fs.calls.keys()].some((call) => call.startsWith("copyFileRange ")));
  }));

mountTest(
  "Fifos and sockets work; a device is shown but cannot be used",
  () =>
    withMount(async ({ path }) => {
      const output = await python(
        path,
        `import socket, stat, threading
os.chdir(os.environ["M"])
os.mkfifo("fifo", 0o640)
reader = threading.Thread(target=lambda: print(open("fifo").read()))
reader.start()
with open("fifo", "w") as writer: writer.write("through")
reader.join()
server = socket.socket(socket.AF_UNIX); server.bind("socket"); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect("socket")
client.send(b"hello"); print(server.accept()[0].recv(5))
os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
try: open("null")
except PermissionError as error: print(error.strerror)
for name in sorted(os.listdir(".")):
    s = os.lstat(name)
    print(name, stat.filemode(s.st_mode), os.major(s.st_rdev), os.minor(s.st_rdev))`,
      );
      assert.deepEqual(output.trim().split("\n"), [
        ...["through", "b'hello'", "Permission denied", "fifo prw-r----- 0 0"],
        ...["null crw-r--r-- 1 3", "socket srwxr-xr-x 0 0"],
      ]);
    }),
);

mountTest(
  "Whatever another user changes in a file takes its set-id bits",
  () =>
    withMount(async ({ path }) => {
      const output = await sh(
        path,
        `cd $M; echo e > e; for change in 'echo x >> f' 'truncate -s 1 f' ': > f' 'fallocate -l 9 f' 'cp e f'; do
         echo data > f; chmod 6777 f; setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$change"
         stat -c %a f; done`,
      );
      assert.equal(output, "777\n".repeat(5));
    }, { allowOther: true }),
);
