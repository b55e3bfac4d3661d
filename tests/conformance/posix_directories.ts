/** POSIX checks: directories and renaming. */
import type { PosixCheck } from "./posix_suite.ts";

export const DIRECTORY_CHECKS: readonly PosixCheck[] = [
  {
    name: "mkdir makes an empty directory, refuses a taken name and a missing parent",
    python: `
mkdir("d")
same(listdir("d"), [])
with fails(EEXIST): mkdir("d")
with fails(ENOENT): mkdir("no/d")
put("f")
with fails(EEXIST): mkdir("f")
symlink("nowhere", "link")
with fails(EEXIST): mkdir("link")
mkdir("e/")
assert stat_module.S_ISDIR(os.stat("e").st_mode)
makedirs("x/y/z/w"); same(listdir("x/y/z"), ["w"])
`,
  },
  {
    name: "rmdir removes what is empty only",
    python: `
mkdir("d"); put("d/f")
with fails(ENOTEMPTY, EEXIST): rmdir("d")
unlink("d/f")
rmdir("d")
with fails(ENOENT): rmdir("d")
with fails(ENOENT): listdir("d")
put("f")
with fails(ENOTDIR): rmdir("f")
makedirs("a/b")
with fails(ENOTEMPTY, EEXIST): rmdir("a")
rmdir("a/b"); same(listdir("a"), []); rmdir("a")
mkdir("d"); same(listdir("d"), [])
with opened("d/open", O_CREAT | O_WRONLY) as fd:
    with fails(ENOTEMPTY, EEXIST): rmdir("d")
`,
  },
  {
    name: "a directory stays when its last file is removed or moved away",
    python: `
makedirs("d/e"); put("d/e/f")
unlink("d/e/f"); same(listdir("d/e"), [])
put("d/e/f"); rename("d/e/f", "g"); same(listdir("d/e"), [])
`,
  },
  {
    name: "a listing has every name once, with its type",
    python: `
for i in range(300): put(f"f{i}")
for i in range(20): mkdir(f"d{i}")
symlink("f1", "link")
found = [(e.name, e.is_dir(follow_symlinks=False), e.is_symlink()) for e in scandir(".")]
same(len(found), 321)
same(sorted(n for n, d, s in found if d), sorted(f"d{i}" for i in range(20)))
same([n for n, d, s in found if s], ["link"])
same(len(set(found)), 321)
`,
  },
  {
    name: "a directory can be emptied while it is read",
    python: `
for i in range(200): put(f"f{i}")
with scandir(".") as entries:
    for entry in entries: unlink(entry.name)
same(listdir("."), [])
`,
  },
  {
    name: "names that stay are seen when others come and go while the directory is read",
    python: `
for i in range(300): put(f"stay{i}")
for i in range(30): put(f"go{i}")
seen = []
with scandir(".") as entries:
    for count, entry in enumerate(entries):
        seen.append(entry.name)
        if count < 30: unlink(f"go{count}"); put(f"new{count}")
stayed = [name for name in seen if name.startswith("stay")]
same(sorted(stayed), sorted(f"stay{i}" for i in range(300)))
`,
  },
  {
    name: "mtime of a directory moves when a name in it comes or goes",
    python: `
mkdir("d")
for change in [lambda: put("d/a"), lambda: rename("d/a", "d/b"), lambda: mkdir("d/e"), lambda: unlink("d/b"),
        lambda: rmdir("d/e"), lambda: symlink("x", "d/l")]:
    utime("d", ns=(10**9, 10**9))
    same(os.stat("d").st_mtime_ns, 10**9)
    change()
    assert abs(os.stat("d").st_mtime - time.time()) < 60
`,
  },
  {
    name: "rename moves a file, replaces a file, and refuses to replace a directory",
    python: `
put("a", b"a"); put("b", b"b"); mkdir("d")
rename("a", "c"); same(got("c"), b"a")
with fails(ENOENT): os.stat("a")
rename("c", "b"); same(got("b"), b"a"); same(sorted(listdir(".")), ["b", "d"])
rename("b", "b"); same(got("b"), b"a")
with fails(EISDIR): rename("b", "d")
with fails(ENOENT): rename("no", "x")
with fails(ENOENT): rename("b", "no/x")
with fails(ENOTDIR): rename("d", "b")
with fails(ENOTDIR): rename("b", "x/")
with fails(ENOTDIR): rename("b", "b/c")
rename("b", "d/b"); same(got("d/b"), b"a"); same(listdir("."), ["d"])
`,
  },
  {
    name: "rename moves a directory with all below it",
    python: `
makedirs("a/b/c"); put("a/f", b"1"); put("a/b/f", b"2"); put("a/b/c/f", b"3"); symlink("f", "a/b/l"); mkdir("a/empty")
rename("a", "z")
with fails(ENOENT): os.stat("a")
same(sorted(listdir("z")), ["b", "empty", "f"]); same(sorted(listdir("z/b")), ["c", "f", "l"])
same((got("z/f"), got("z/b/f"), got("z/b/c/f"), got("z/b/l")), (b"1", b"2", b"3", b"2"))
mkdir("a"); same(listdir("a"), [])
rename("z/b", "a/b"); same(sorted(listdir("z")), ["empty", "f"]); same(got("a/b/c/f"), b"3")
`,
  },
  {
    name: "rename of a directory replaces an empty one only, and not itself or a file",
    python: `
makedirs("a/sub"); mkdir("empty"); mkdir("full"); put("full/f"); put("file")
with fails(ENOTEMPTY, EEXIST): rename("a", "full")
with fails(ENOTDIR): rename("a", "file")
with fails(EINVAL): rename("a", "a/sub/a")
rename("a", "empty"); same(listdir("empty"), ["sub"])
rename("empty", "empty"); same(listdir("empty"), ["sub"])
with fails(ENOTEMPTY, EEXIST, EINVAL): rename("empty/sub", "empty")
`,
  },
  {
    name: "rename moves a link and not its target",
    python: `
put("f", b"x"); symlink("f", "l"); put("g", b"g")
rename("l", "m"); same(readlink("m"), "f"); same(got("m"), b"x")
rename("g", "m"); same(got("m"), b"g"); same(got("f"), b"x")
`,
  },
  {
    name: "renameat2 with RENAME_NOREPLACE refuses a taken name",
    python: `
put("a", b"a"); put("b", b"b")
with fails(EEXIST): renameat2("a", "b", 1)
same((got("a"), got("b")), (b"a", b"b"))
renameat2("a", "c", 1); same(got("c"), b"a")
`,
  },
  {
    name: "renameat2 with RENAME_EXCHANGE exchanges two names",
    python: `
put("a", b"a"); put("b", b"b")
renameat2("a", "b", 2)
same((got("a"), got("b")), (b"b", b"a"))
`,
  },
  {
    name: "a removed working directory is empty and takes no new files",
    python: `
mkdir("d"); chdir("d")
rmdir("../d")
same(listdir("."), [])
with fails(ENOENT): put("f")
with fails(ENOENT): mkdir("e")
`,
  },
  {
    name: "relative paths follow a renamed working directory",
    python: `
mkdir("d"); put("d/f", b"x"); chdir("d")
rename("../d", "../e")
same(got("f"), b"x"); put("g", b"y")
same(sorted(listdir("../e")), ["f", "g"])
same(os.path.basename(getcwd()), "e")
`,
  },
  {
    name: "dot and dot-dot are the directory and its parent",
    python: `
makedirs("a/b")
same(os.stat("a/b/.").st_ino, os.stat("a/b").st_ino)
same(os.stat("a/b/..").st_ino, os.stat("a").st_ino)
with fails(EINVAL): rmdir("a/b/.")
with fails(ENOTEMPTY, EINVAL, EBUSY, EEXIST): rmdir("a/b/..")
`,
  },
  {
    name: "a name can be file, directory and link in turn",
    python: `
for _ in range(3):
    put("x", b"f"); same(got("x"), b"f"); unlink("x")
    mkdir("x"); put("x/f"); unlink("x/f"); rmdir("x")
    symlink("t", "x"); same(readlink("x"), "t"); unlink("x")
same(listdir("."), [])
`,
  },
  {
    name: "deep paths work",
    python: `
path = "/".join(["deep"] * 40)
makedirs(path); put(path + "/f", b"x"); same(got(path + "/f"), b"x")
rename("deep/deep", "moved"); same(got("moved/" + "/".join(["deep"] * 38) + "/f"), b"x")
import shutil; shutil.rmtree("moved"); same(listdir("deep"), [])
`,
  },
];
