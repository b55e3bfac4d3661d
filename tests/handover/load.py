"""Programs that use a mount while its daemon is killed: `load.py ROLE FOLDER STOP_FILE [BYTES]`.

Each goes on until STOP_FILE is there (which is not in the mount) and then prints "ok COUNT"; an error, or
a byte that is not what it must be, is printed and ends it with code 1. All that is written is made by
`pattern`, so that anybody can tell what must be there.
"""

import mmap
import os
import random
import struct
import sys
import time

ROLE, FOLDER, STOP = sys.argv[1:4]
BLOCK = 64 * 1024


def stopped():
    return os.path.exists(STOP)


def pattern(offset, size):
    first = offset // 8
    last = (offset + size + 7) // 8
    words = b"".join(struct.pack("<Q", (n * 0x9E3779B97F4A7C15) & (2**64 - 1)) for n in range(first, last))
    return words[offset - first * 8 :][:size]


def check(condition, what):
    if not condition:
        print("wrong:", what, flush=True)
        sys.exit(1)


def generate():
    """Writes the pattern to standard output, for dd."""
    at = 0
    while not stopped():
        os.write(1, pattern(at, BLOCK)) == BLOCK or sys.exit(1)
        at += BLOCK
        time.sleep(0.01)
    print("ok", at, file=sys.stderr)


def append():
    """Appends lines with O_APPEND, one write each, opening the file anew now and then."""
    count = 0
    fd = os.open(FOLDER + "/lines", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while not stopped():
        os.write(fd, b"line %08d\n" % count)
        count += 1
        if count % 50 == 0:
            os.close(fd)
            fd = os.open(FOLDER + "/lines", os.O_WRONLY | os.O_APPEND)
        time.sleep(0.005)
    os.close(fd)
    print("ok", count)


def read_mapped():
    """Reads a mapped file at random; what the kernel has of it is dropped again and again."""
    size = int(sys.argv[4])
    fd = os.open(FOLDER + "/mapped", os.O_RDONLY)
    mapped = mmap.mmap(fd, size, prot=mmap.PROT_READ)
    count = 0
    while not stopped():
        at = random.randrange(size - 4096)
        check(mapped[at : at + 4096] == pattern(at, 4096), "mapped bytes at %d" % at)
        count += 1
        if count % 8 == 0:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        time.sleep(0.002)
    print("ok", count)


def stand():
    """Stands in a directory of the mount, lists it, and uses relative paths."""
    os.chdir(FOLDER + "/inside")
    count = 0
    while not stopped():
        names = sorted(os.listdir("."))
        check(names == ["file-%03d" % n for n in range(300)], "names: %r" % names[:5])
        name = random.choice(names)
        check(open(name).read() == name, name)
        check(os.getcwd() == FOLDER + "/inside", os.getcwd())
        count += 1
        time.sleep(0.01)
    print("ok", count)


def list_slowly():
    """Reads a directory entry by entry, with pauses that kills fall into."""
    count = 0
    while not stopped():
        names = []
        with os.scandir(FOLDER + "/inside") as entries:
            for number, entry in enumerate(entries):
                names.append(entry.name)
                if number % 50 == 0:
                    time.sleep(0.02)
        check(sorted(names) == ["file-%03d" % n for n in range(300)], "%d names" % len(names))
        count += 1
    print("ok", count)


def names():
    """Makes, renames and removes files and directories; each must have happened exactly once."""
    count = 0
    base = FOLDER + "/names"
    os.mkdir(base)
    while not stopped():
        folder = "%s/d%d" % (base, count)
        os.mkdir(folder)
        fd = os.open(folder + "/a", os.O_RDWR | os.O_CREAT | os.O_EXCL)
        os.write(fd, b"x" * 100)
        os.rename(folder + "/a", folder + "/b")
        check(os.listdir(folder) == ["b"], os.listdir(folder))
        os.symlink("b", folder + "/link")
        check(os.readlink(folder + "/link") == "b", "link")
        os.setxattr(folder + "/b", "user.x", b"1", os.XATTR_CREATE)
        os.unlink(folder + "/b")
        # Open without a name.
        os.pwrite(fd, b"y" * 50, 50)
        check(os.pread(fd, 200, 0) == b"x" * 50 + b"y" * 50, "an unlinked file")
        check(os.fstat(fd).st_nlink == 0, "links of an unlinked file")
        os.close(fd)
        os.unlink(folder + "/link")
        os.rmdir(folder)
        count += 1
    check(os.listdir(base) == [], os.listdir(base))
    print("ok", count)


def probe():
    """For each line of input looks up a name that nobody knows, and prints how long that took (ms)."""
    for number, _ in enumerate(sys.stdin):
        start = time.monotonic()
        check(not os.path.exists("%s/inside/none-%d-%d" % (FOLDER, os.getpid(), number)), "a name")
        print("%.1f" % ((time.monotonic() - start) * 1000), flush=True)


try:
    {
        "generate": generate,
        "append": append,
        "read_mapped": read_mapped,
        "stand": stand,
        "list_slowly": list_slowly,
        "names": names,
        "probe": probe,
    }[ROLE]()
except OSError as error:
    print("failed: %s: %s" % (ROLE, error), flush=True)
    sys.exit(1)
