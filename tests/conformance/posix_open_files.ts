/** POSIX checks: files while they are open. */
import type { PosixCheck } from "./posix_suite.ts";

export const OPEN_FILE_CHECKS: readonly PosixCheck[] = [
  {
    name: "what one handle writes, another one reads at once, and stat tells the size",
    python: `
with opened("a", O_CREAT | O_RDWR) as one, opened("a", O_RDWR) as two:
    write(one, b"hello"); same(pread(two, 10, 0), b"hello")
    same(os.stat("a").st_size, 5)
    pwrite(two, b"J", 0); same(pread(one, 10, 0), b"Jello")
    ftruncate(two, 2); same(pread(one, 10, 0), b"Je")
    same(fstat(one).st_size, 2)
    in_child("import os; open('a', 'ab').write(b'!')")
    same(pread(one, 10, 0), b"Je!")
same(got("a"), b"Je!")
`,
  },
  {
    name: "a closed duplicate does not end the handle",
    python: `
with opened("a", O_CREAT | O_RDWR) as fd:
    write(fd, b"one")
    close(dup(fd))
    write(fd, b"two")
    close(dup(fd))
    same(pread(fd, 10, 0), b"onetwo")
    write(fd, b"three")
same(got("a"), b"onetwothree")
`,
  },
  {
    name: "a removed file lives on for its handles, and its name is free",
    python: `
put("a", b"old content")
with opened("a", O_RDWR) as fd:
    unlink("a")
    with fails(ENOENT): os.stat("a")
    same(pread(fd, 20, 0), b"old content")
    pwrite(fd, b"OLD", 0); same(pread(fd, 20, 0), b"OLD content")
    same(fstat(fd).st_nlink, 0)
    put("a", b"new"); same(got("a"), b"new")
    ftruncate(fd, 3); fsync(fd); same(pread(fd, 20, 0), b"OLD")
same(got("a"), b"new")
same(listdir("."), ["a"])
`,
  },
  {
    name: "a new file removed before it is closed is gone",
    python: `
with opened("a", O_CREAT | O_RDWR) as fd:
    write(fd, b"x" * 100000); unlink("a"); write(fd, b"y")
    same(pread(fd, 2, 99999), b"xy")
same(listdir("."), [])
`,
  },
  {
    name: "a file replaced by rename lives on for its handles",
    python: `
put("a", b"old"); put("b", b"new")
with opened("a", O_RDWR) as fd:
    rename("b", "a")
    same(pread(fd, 9, 0), b"old"); pwrite(fd, b"O", 0); same(pread(fd, 9, 0), b"Old")
    same(got("a"), b"new")
same(got("a"), b"new"); same(listdir("."), ["a"])
`,
  },
  {
    name: "a file renamed while it is written arrives under its new name",
    python: `
mkdir("d")
with opened("a", O_CREAT | O_RDWR) as fd:
    write(fd, b"one")
    rename("a", "d/b")
    write(fd, b"two")
    same(got("d/b"), b"onetwo")
    with fails(ENOENT): os.stat("a")
same(got("d/b"), b"onetwo")
same(listdir("."), ["d"])
`,
  },
  {
    name: "a file in a renamed directory is written on under its new path",
    python: `
mkdir("d"); mkdir("d/e"); put("d/e/old", b"o")
with opened("d/e/f", O_CREAT | O_RDWR) as fd, opened("d/e/old", O_RDWR) as old:
    write(fd, b"one"); pwrite(old, b"lder", 1)
    rename("d", "moved")
    write(fd, b"two"); pwrite(old, b"O", 0)
    with fails(ENOENT): os.stat("d")
same(got("moved/e/f"), b"onetwo"); same(got("moved/e/old"), b"Older")
same(sorted(listdir("moved/e")), ["f", "old"]); same(listdir("."), ["moved"])
`,
  },
  {
    name: "save by a temporary file, fsync and rename never shows half a file",
    python: `
put("a", b"0" * 5000)
source = """
import os
for i in range(15):
    with open("tmp", "wb") as file:
        file.write(str(i % 10).encode() * 5000); file.flush(); os.fsync(file.fileno())
    os.rename("tmp", "a")
    folder = os.open(".", os.O_RDONLY); os.fsync(folder); os.close(folder)
"""
child = subprocess.Popen([sys.executable, "-c", source])
seen = 0
while child.poll() is None:
    data = got("a"); seen += 1
    assert len(data) == 5000 and len(set(data)) == 1, (len(data), set(data))
same(child.returncode, 0); assert seen > 0
same(got("a"), b"4" * 5000)
`,
  },
  {
    name: "a mapped file reads as the file, and what is written to a shared mapping is in the file",
    python: `
data = bytes(range(256)) * 64
put("a", data)
with opened("a", O_RDWR) as fd:
    with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as view: same(view[:], data)
    with mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE) as view: view[0:3] = b"not"
    with mmap.mmap(fd, 0) as view:
        view[5000:5005] = b"HELLO"
        view.flush()
        same(pread(fd, 5, 5000), b"HELLO")
        view[9000:9003] = b"end"
expected = bytearray(data); expected[5000:5005] = b"HELLO"; expected[9000:9003] = b"end"
same(got("a"), bytes(expected))
`,
  },
  {
    name: "a mapping outlives its handle",
    python: `
put("a", b"-" * 20000)
fd = os.open("a", O_RDWR)
view = mmap.mmap(fd, 0)
close(fd)
view[10000:10004] = b"kept"
view.flush(); view.close()
same(got("a"), b"-" * 10000 + b"kept" + b"-" * 9996)
`,
  },
  {
    name: "locks keep other processes out",
    python: `
put("a")
try_lock = """
import fcntl, sys
file = open("a", "r+")
try:
    getattr(fcntl, sys.argv[1])(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(0)
sys.exit(1)
"""
for kind in "lockf", "flock":
    with open_file("a", "r+") as file:
        getattr(fcntl, kind)(file, fcntl.LOCK_EX)
        in_child(try_lock, kind)
        getattr(fcntl, kind)(file, fcntl.LOCK_UN)
        getattr(fcntl, kind)(file, fcntl.LOCK_SH)
`,
  },
  {
    name: "fsync, fdatasync and fsync of a directory succeed",
    python: `
mkdir("d")
with opened("d/a", O_CREAT | O_RDWR) as fd:
    write(fd, b"x"); fsync(fd); fdatasync(fd); write(fd, b"y"); fsync(fd)
with opened("d", O_RDONLY) as fd: fsync(fd)
same(got("d/a"), b"xy")
`,
  },
  {
    name: "posix_fallocate makes room that reads as zeros",
    python: `
put("a", b"abc")
with opened("a", O_RDWR) as fd:
    posix_fallocate(fd, 0, 10000)
    same(fstat(fd).st_size, 10000)
    posix_fallocate(fd, 0, 100)
    same(fstat(fd).st_size, 10000)
same(got("a"), b"abc" + bytes(9997))
`,
  },
  {
    name: "copy_file_range and sendfile copy bytes",
    python: `
data = urandom(300_000)
put("a", data); put("b")
with opened("a", O_RDONLY) as source, opened("b", O_WRONLY) as target:
    done = 0
    while done < len(data): done += copy_file_range(source, target, len(data) - done)
same(got("b"), data)
with opened("a", O_RDONLY) as source, opened("c", O_CREAT | O_WRONLY) as target:
    done = 0
    while done < len(data): done += sendfile(target, source, done, len(data) - done)
same(got("c"), data)
`,
  },
  {
    name: "SEEK_DATA and SEEK_HOLE find the data and the end",
    python: `
put("a", b"x" * 5000)
with opened("a", O_RDONLY) as fd:
    same(lseek(fd, 0, SEEK_DATA), 0)
    same(lseek(fd, 0, SEEK_HOLE), 5000)
    with fails(ENXIO): lseek(fd, 5000, SEEK_DATA)
    same(lseek(fd, 0, SEEK_END), 5000)
`,
  },
  {
    name: "vectors are written and read in order",
    python: `
with opened("a", O_CREAT | O_RDWR) as fd:
    same(pwritev(fd, [b"one", b"", b"two"], 2), 6)
    parts = [bytearray(4), bytearray(4)]
    same(preadv(fd, parts, 0), 8)
    same(bytes(parts[0] + parts[1]), b"\\0\\0onetwo")
`,
  },
  {
    name: "a child goes on with an inherited handle",
    python: `
with opened("a", O_CREAT | O_RDWR) as fd:
    write(fd, b"parent ")
    pid = fork()
    if pid == 0:
        try: write(fd, b"child "); close(fd)
        finally: _exit(0)
    same(waitpid(pid, 0)[1], 0)
    write(fd, b"parent")
same(got("a"), b"parent child parent")
`,
  },
  {
    name: "large writes and odd sizes come back as they were",
    python: `
import hashlib
data = urandom(3_333_333)
with opened("a", O_CREAT | O_WRONLY) as fd:
    at = 0
    for size in [1, 4095, 4097, 131071, 1048577, 2**20, 7, 10**7]:
        at += write(fd, data[at:at + size])
same(hashlib.sha256(got("a")).hexdigest(), hashlib.sha256(data).hexdigest())
with opened("a", O_RDONLY) as fd:
    for at, size in [(0, 1), (4095, 2), (131000, 131072), (1048570, 20), (3_333_330, 100)]:
        same(pread(fd, size, at), data[at:at + size])
`,
  },
];
