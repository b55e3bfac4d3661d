/** POSIX checks: names, contents and attributes of files. */
import type { PosixCheck } from "./posix_suite.ts";

export const FILE_CHECKS: readonly PosixCheck[] = [
  {
    name: "open with O_CREAT | O_EXCL refuses a name that exists, also a dangling link",
    python: `
close(os.open("a", O_CREAT | O_EXCL | O_WRONLY))
with fails(EEXIST): os.open("a", O_CREAT | O_EXCL | O_WRONLY)
symlink("nowhere", "link")
with fails(EEXIST): os.open("link", O_CREAT | O_EXCL | O_WRONLY)
mkdir("d")
with fails(EEXIST): os.open("d", O_CREAT | O_EXCL | O_WRONLY)
`,
  },
  {
    name: "open of a name that does not exist gives ENOENT, below a file ENOTDIR",
    python: `
with fails(ENOENT): os.open("a", O_RDONLY)
with fails(ENOENT): os.open("no/a", O_CREAT | O_WRONLY)
put("f")
with fails(ENOTDIR): os.open("f/a", O_RDONLY)
with fails(ENOTDIR): os.open("f/a", O_CREAT | O_WRONLY)
with fails(ENOTDIR): os.stat("f/")
with fails(ENOTDIR): os.open("f", O_RDONLY | O_DIRECTORY)
with fails(ENOTDIR): mkdir("f/d")
`,
  },
  {
    name: "open of a directory for writing gives EISDIR",
    python: `
mkdir("d")
with fails(EISDIR): os.open("d", O_WRONLY)
with fails(EISDIR): os.open("d", O_RDWR)
with fails(EISDIR): truncate("d", 0)
with opened("d", O_RDONLY) as fd:
    with fails(EISDIR): read(fd, 1)
`,
  },
  {
    name: "open with O_CREAT for reading makes an empty file",
    python: `
with opened("a", O_CREAT | O_RDONLY) as fd: same(read(fd, 10), b"")
same(got("a"), b"")
same(os.stat("a").st_size, 0)
`,
  },
  {
    name: "a file reads as it was written, short at its end and empty behind it",
    python: `
data = bytes(range(256)) * 1000
put("a", data)
same(got("a"), data)
with opened("a", O_RDONLY) as fd:
    same(pread(fd, 10, 5), data[5:15])
    same(pread(fd, 100, len(data) - 7), data[-7:])
    same(pread(fd, 100, len(data)), b"")
    same(pread(fd, 100, len(data) + 10**9), b"")
    with fails(EINVAL): pread(fd, 1, -1)
`,
  },
  {
    name: "pwrite changes what it covers and nothing else, and leaves holes of zeros",
    python: `
put("a", b"x" * 10000)
with opened("a", O_RDWR) as fd:
    same(pwrite(fd, b"yy", 5000), 2)
    same(pwrite(fd, b"z", 20000), 1)
    same(pwrite(fd, b"", 30000), 0)
    same(fstat(fd).st_size, 20001)
expected = b"x" * 5000 + b"yy" + b"x" * 4998 + bytes(10000) + b"z"
same(got("a"), expected)
`,
  },
  {
    name: "O_APPEND writes at the end wherever the position is",
    python: `
put("a", b"one")
with opened("a", O_RDWR | O_APPEND) as fd:
    lseek(fd, 0, SEEK_SET)
    write(fd, b"two")
    with open_file("a", "ab") as other: other.write(b"three")
    write(fd, b"four")
    same(lseek(fd, 0, SEEK_CUR), 15)
same(got("a"), b"onetwothreefour")
`,
  },
  {
    name: "O_APPEND writes of several processes do not cut each other",
    python: `
source = """
import os, sys
fd = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
for i in range(200): os.write(fd, (sys.argv[1] * 50 + "\\\\n").encode())
"""
put("log")
children = [subprocess.Popen([sys.executable, "-c", source, c]) for c in "abc"]
for child in children: same(child.wait(), 0)
lines = got("log").decode().split("\\n")[:-1]
same(sorted(lines), sorted([c * 50 for c in "abc"] * 200))
`,
  },
  {
    name: "O_TRUNC empties a file, also one that is only opened",
    python: `
put("a", b"content")
close(os.open("a", O_WRONLY | O_TRUNC))
same(got("a"), b"")
put("a", b"content")
with opened("a", O_RDWR | O_TRUNC) as fd: write(fd, b"xy")
same(got("a"), b"xy")
`,
  },
  {
    name: "truncate cuts and extends; what was cut off does not come back",
    python: `
put("a", b"abcdefghij" * 1000)
truncate("a", 5)
same(os.stat("a").st_size, 5)
truncate("a", 20)
same(got("a"), b"abcde" + bytes(15))
with opened("a", O_RDWR) as fd:
    ftruncate(fd, 3); ftruncate(fd, 6)
    same(fstat(fd).st_size, 6)
    same(pread(fd, 10, 0), b"abc" + bytes(3))
same(got("a"), b"abc" + bytes(3))
truncate("a", 0)
same(got("a"), b"")
with fails(ENOENT): truncate("b", 0)
`,
  },
  {
    name: "a file can be sparse beyond 4 GiB",
    python: `
with opened("a", O_RDWR | O_CREAT) as fd:
    unlink("a")
    at = 5 * 2**30
    pwrite(fd, b"far", at)
    same(fstat(fd).st_size, at + 3)
    same(pread(fd, 10, at - 2), bytes(2) + b"far")
    same(pread(fd, 4, 2**32 - 2), bytes(4))
    ftruncate(fd, 1)
    same(fstat(fd).st_size, 1)
`,
  },
  {
    name: "reading needs a handle for reading, writing one for writing",
    python: `
put("a", b"x")
with opened("a", O_RDONLY) as fd:
    with fails(EBADF): write(fd, b"y")
    with fails(EINVAL, EBADF): ftruncate(fd, 0)
with opened("a", O_WRONLY) as fd:
    with fails(EBADF): read(fd, 1)
same(got("a"), b"x")
`,
  },
  {
    name:
      "modes are those asked for less the umask, chmod sets them, also those of a link's target",
    python: `
close(os.open("a", O_CREAT | O_WRONLY, 0o777))
same(oct(os.stat("a").st_mode), oct(0o100755))
close(os.open("b", O_CREAT | O_WRONLY, 0o600))
same(oct(os.stat("b").st_mode), oct(0o100600))
mkdir("d", 0o770)
same(oct(os.stat("d").st_mode), oct(0o040750))
for mode in (0o400, 0o755, 0o4755, 0o1777, 0o644):
    chmod("a", mode); same(oct(os.stat("a").st_mode), oct(0o100000 | mode))
chmod("d", 0o2700)
same(oct(os.stat("d").st_mode), oct(0o042700))
symlink("a", "link")
chmod("link", 0o640)
same(oct(os.stat("a").st_mode), oct(0o100640))
with opened("a", O_RDONLY) as fd:
    fchmod(fd, 0o600); same(oct(fstat(fd).st_mode), oct(0o100600))
with fails(ENOENT): chmod("no", 0o600)
`,
  },
  {
    name: "a file made with mode 0 can be written by who made it",
    python: `
with opened("a", O_CREAT | O_RDWR | O_EXCL, 0) as fd:
    write(fd, b"text")
    same(pread(fd, 9, 0), b"text")
same(oct(os.stat("a").st_mode), oct(0o100000))
`,
  },
  {
    name: "owner and group are those of the maker, and can be changed by root",
    python: `
put("a"); mkdir("d"); symlink("a", "link")
for path in "a", "d": same((os.stat(path).st_uid, os.stat(path).st_gid), (getuid(), getgid()))
for path in "a", "d":
    chown(path, 1234, -1); same((os.stat(path).st_uid, os.stat(path).st_gid), (1234, getgid()))
    chown(path, -1, 4321); same((os.stat(path).st_uid, os.stat(path).st_gid), (1234, 4321))
lchown("link", 77, 78)
same((lstat("link").st_uid, os.stat("link").st_uid), (77, 1234))
`,
  },
  {
    name: "times can be set to the nanosecond, each for itself, also a link's own",
    python: `
put("a", b"x"); mkdir("d"); symlink("a", "link")
for path in "a", "d":
    utime(path, ns=(1_000_000_001, 981_173_106_123_456_789))
    same(os.stat(path).st_mtime_ns, 981_173_106_123_456_789)
    same(os.stat(path).st_atime_ns, 1_000_000_001)
utime("a", ns=(2, 3_000_000_000))
same(os.stat("a").st_mtime_ns, 3_000_000_000)
before = os.stat("a").st_mtime_ns
utime("link", ns=(5_000_000_000, 6_000_000_000), follow_symlinks=False)
same(lstat("link").st_mtime_ns, 6_000_000_000)
same(os.stat("a").st_mtime_ns, before)
utime("a", ns=(0, -1_500_000_000))
same(os.stat("a").st_mtime_ns, -1_500_000_000)
now = time.time()
utime("a")
assert abs(os.stat("a").st_mtime - now) < 10
`,
  },
  {
    name: "mtime moves with writing and stays with reading, renaming and chmod; ctime moves",
    python: `
put("a", b"x")
utime("a", ns=(10**9, 10**9))
got("a"); chmod("a", 0o600); rename("a", "b")
same(os.stat("b").st_mtime_ns, 10**9)
now = time.time()
assert abs(os.stat("b").st_ctime - now) < 60, os.stat("b").st_ctime
with open_file("b", "ab") as file: file.write(b"y")
assert abs(os.stat("b").st_mtime - now) < 60
utime("b", ns=(10**9, 10**9))
truncate("b", 1)
assert abs(os.stat("b").st_mtime - now) < 60
`,
  },
  {
    name: "a file has one inode number everywhere, and no two files have the same",
    python: `
for name in "abc": put(name, name.encode())
numbers = {entry.name: entry.inode() for entry in scandir(".")}
for name in "abc":
    same(os.stat(name).st_ino, numbers[name])
    with opened(name, O_RDONLY) as fd: same(fstat(fd).st_ino, numbers[name])
same(len(set(numbers.values())), 3)
rename("a", "z")
same(os.stat("z").st_ino, numbers["a"])
same(os.stat("z").st_nlink, 1)
`,
  },
  {
    name: "a hard link is a second name of the file",
    python: `
put("a", b"x")
link("a", "b")
same(os.stat("a").st_nlink, 2)
with open_file("b", "ab") as file: file.write(b"y")
same(got("a"), b"xy")
`,
  },
  {
    name: "a symbolic link holds its target, is followed, and can be refused",
    python: `
put("target", b"content")
symlink("target", "link")
same(readlink("link"), "target")
same(got("link"), b"content")
same(lstat("link").st_size, 6)
assert stat_module.S_ISLNK(lstat("link").st_mode)
with fails(ELOOP): os.open("link", O_RDONLY | O_NOFOLLOW)
with fails(EEXIST): symlink("x", "link")
with fails(EINVAL): readlink("target")
symlink("loop2", "loop1"); symlink("loop1", "loop2")
with fails(ELOOP): os.stat("loop1")
long = "x" * 4000
symlink(long, "long"); same(readlink("long"), long)
symlink("ünï → 中 \\U0001F600", "odd"); same(readlink("odd"), "ünï → 中 \\U0001F600")
unlink("link")
same(got("target"), b"content")
mkdir("d"); put("d/f", b"below"); symlink("d", "dl")
same(got("dl/f"), b"below")
with fails(ENOTDIR): rmdir("dl")
symlink("new", "dangling")
put("dangling", b"through"); same(got("new"), b"through")
`,
  },
  {
    name: "names take 255 bytes and not one more",
    python: `
put("n" * 255, b"x"); same(got("n" * 255), b"x")
mkdir("d" * 255)
with fails(ENAMETOOLONG): put("n" * 256)
with fails(ENAMETOOLONG): mkdir("n" * 256)
with fails(ENAMETOOLONG): os.stat("n" * 256)
with fails(ENAMETOOLONG): rename("n" * 255, "m" * 256)
put("ä" * 127); same(got("ä" * 127), b"")
with fails(ENAMETOOLONG): put("ä" * 128)
`,
  },
  {
    name: "names are bytes: cases, normal forms and odd characters are kept apart",
    python: `
names = ["a", "A", "\\u00e4", "a\\u0308", " lead", "trail ", "a b", "+", "%41", "#", "?", "&", "*", "\\\\",
    "a\\nb", "tab\\t", "'", '"', "-rf", "~", ".hidden", "..x", "...", "\\U0001F600", "\\u202e", "a:b", "<>",
    "a%2Fb", "=", ";", "|", "$HOME", "\\x01", "\\x7f"]
for name in names: put(name, name.encode())
same(sorted(listdir(".")), sorted(names))
for name in names: same(got(name), name.encode())
for name in names: unlink(name)
same(listdir("."), [])
`,
  },
  {
    name: "unlink removes a file, refuses a directory and what is not there",
    python: `
put("a"); mkdir("d")
unlink("a")
with fails(ENOENT): os.stat("a")
with fails(ENOENT): unlink("a")
with fails(EISDIR, EPERM): unlink("d")
put("f")
with fails(ENOTDIR): unlink("f/x")
`,
  },
  {
    name: "a FIFO and a socket can be made",
    python: `
mkfifo("fifo")
assert stat_module.S_ISFIFO(os.stat("fifo").st_mode)
socket.socket(socket.AF_UNIX).bind("socket")
`,
  },
  {
    name: "statvfs tells of space and of names of 255 bytes",
    python: `
told = statvfs(".")
assert told.f_bavail > 0 and told.f_blocks >= told.f_bfree >= told.f_bavail, told
same(told.f_namemax, 255)
`,
  },
  {
    name: "what has no extended attributes says so, and setting one is kept or refused",
    python: `
put("a")
with fails(ENODATA, ENOTSUP): getxattr("a", "user.none")
try:
    setxattr("a", "user.x", b"1")
    same(getxattr("a", "user.x"), b"1")
except OSError as error:
    assert error.errno in (ENOTSUP, EPERM), error
`,
  },
];
