"""One writer of the crash harness: random operations in one directory of a mount, each noted outside the
mount before it begins and after it was acknowledged.

Takes one JSON argument:
  folder  the directory, which is this writer's alone
  tree    what is in it: {path: size of a file, or "directory", or "link"}
  log     file to append the notes to
  name, round, seed, seconds, weights {operation: weight}, pause_ms
  kill    null, or {pid, at: "begin" | "ack", ops: [names], nth, delay_us}: whom to kill, and when

A note is one line of JSON, written with one write(2): {"n", "op", ...} before an operation, then
{"n", "ack": result}, or {"n", "failed": errno name} when the mount is gone, or {"n", "unexpected": text}.
Content: every write has a tag; byte i of a file is byte i % 61 of the tag
repeated up to 61 bytes.
"""

import errno
import json
import os
import random
import signal
import sys
import threading
import time

TILE_BYTES = 61
MIB = 1024 * 1024
LARGE_NAME = "large"
DIRECTORIES = ["d0", "d1", "d2", "d3"]
FILES = ["f0", "f1.txt", "f2 \u00e4+%", "f3", "f4"]
LINKS = ["l0", "l1"]
SIZES = [0, 1, 60, 4095, 4096, 5000, 70_000, 131_072, 200_000]
SIZE_MAX = 300_000
HELD_MAX = 2
DEPTH_MAX = 3
# What a call answers when nobody serves the mount any more, or the service gave up on S3.
GONE = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ETIMEDOUT, errno.ENODEV}


def pattern(tag, offset, size):
    tile = ((tag + ";") * TILE_BYTES)[: TILE_BYTES - 1].encode() + b"\n"
    start = offset % TILE_BYTES
    return (tile * (size // TILE_BYTES + 2))[start : start + size]


class Node:
    def __init__(self, kind, size=0):
        self.kind = kind
        self.size = size
        self.parent = None
        self.name = ""
        self.children = {}

    def put(self, name, node):
        node.parent, node.name = self, name
        self.children[name] = node

    def take(self):
        if self.parent is not None:
            del self.parent.children[self.name]
        self.parent = None

    def path(self):
        if self.parent is None:
            return ""
        above = self.parent.path()
        return f"{above}/{self.name}" if above else self.name

    def depth(self):
        return 0 if self.parent is None else self.parent.depth() + 1

    def walk(self):
        for child in self.children.values():
            yield child
            yield from child.walk()


class Handle:
    def __init__(self, number, fd, node):
        self.number, self.fd, self.node = number, fd, node


class Writer:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options["seed"])
        self.log = os.open(options["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.root = Node("directory")
        for path in sorted(options["tree"]):
            what = options["tree"][path]
            parent, _, name = path.rpartition("/")
            node = Node(what) if isinstance(what, str) else Node("file", what)
            self.find(parent).put(name, node)
        self.held = []
        self.n = 0
        self.kill = options["kill"]
        self.kills_left = self.kill["nth"] if self.kill else 0

    # The tree as it should be.

    def find(self, path):
        node = self.root
        for name in path.split("/") if path else []:
            node = node.children[name]
        return node

    def nodes(self, *kinds):
        return [node for node in self.root.walk() if node.kind in kinds]

    def folder(self):
        """Any directory that can have children."""
        return self.random.choice(
            [self.root] + [node for node in self.nodes("directory") if node.depth() < DEPTH_MAX]
        )

    def free(self, names):
        """A directory and a name that is free there, or None."""
        parent = self.folder()
        names = [name for name in names if name not in parent.children]
        return (parent, self.random.choice(names)) if names else None

    def some_file(self):
        """A file that is there and not the large one, or None."""
        files = [node for node in self.nodes("file") if node.name != LARGE_NAME]
        return self.random.choice(files) if files else None

    # Doing and noting.

    def note(self, record):
        os.write(self.log, (json.dumps(record) + "\n").encode())

    def real(self, path):
        return f"{self.options['folder']}/{path}"

    def do(self, op, call, **details):
        self.n += 1
        self.note({"n": self.n, "op": op, **details})
        self.maybe_kill("begin", op)
        try:
            result = call()
        except OSError as error:
            name = errno.errorcode.get(error.errno, str(error.errno))
            if error.errno in GONE:
                self.note({"n": self.n, "failed": name})
                os._exit(0)
            self.note({"n": self.n, "unexpected": f"{name}: {error}"})
            os._exit(1)
        self.note({"n": self.n, "ack": result if op == "write" else None})
        self.maybe_kill("ack", op)
        return result

    def maybe_kill(self, at, op):
        kill = self.kill
        if kill is None or kill["at"] != at or op not in kill["ops"]:
            return
        self.kills_left -= 1
        if self.kills_left != 0:
            return
        if kill["delay_us"] == 0:
            os.kill(kill["pid"], signal.SIGKILL)
            return

        def later():
            time.sleep(kill["delay_us"] / 1e6)
            os.kill(kill["pid"], signal.SIGKILL)

        threading.Thread(target=later, daemon=True).start()

    # Steps.

    def open(self, parent, name, create=False, trunc=False, append=False):
        # A link is never followed, whatever went wrong before.
        flags = os.O_NOFOLLOW | (os.O_WRONLY | os.O_APPEND if append else os.O_RDWR)
        flags |= (os.O_CREAT if create else 0) | (os.O_TRUNC if trunc else 0)
        above = parent.path()
        path = f"{above}/{name}" if above else name
        handle = self.n + 1
        fd = self.do(
            "open",
            lambda: os.open(self.real(path), flags, 0o644),
            path=path,
            handle=handle,
            create=create,
            trunc=trunc,
        )
        node = parent.children.get(name)
        if node is None:
            node = Node("file")
            parent.put(name, node)
        if trunc:
            node.size = 0
        return Handle(handle, fd, node)

    def write(self, handle, offset, size, append=False):
        tag = f"{self.options['name']}.{self.options['round']}.{self.n + 1}"
        data = pattern(tag, offset, size)
        call = (
            (lambda: os.write(handle.fd, data))
            if append
            else (lambda: os.pwrite(handle.fd, data, offset))
        )
        done = self.do("write", call, handle=handle.number, offset=offset, size=size, tag=tag)
        if done > 0:
            handle.node.size = max(handle.node.size, offset + done)

    def truncate(self, handle, size):
        self.do("truncate", lambda: os.ftruncate(handle.fd, size), handle=handle.number, size=size)
        handle.node.size = size

    def attributes(self, handle):
        """Mode and time, sometimes; the time last, or a write would change it."""
        if self.random.random() < 0.2:
            mode = self.random.choice([0o600, 0o640, 0o644, 0o755])
            self.do("mode", lambda: os.fchmod(handle.fd, mode), handle=handle.number, mode=mode)
        if self.random.random() < 0.2:
            ns = self.random.randrange(10**9 * 10**9, 2 * 10**9 * 10**9)
            self.do(
                "mtime",
                lambda: os.utime(handle.fd, ns=(ns, ns)),
                handle=handle.number,
                ns=str(ns),
            )

    def fsync(self, handle):
        call = os.fsync if self.random.random() < 0.7 else os.fdatasync
        self.do("fsync", lambda: call(handle.fd), handle=handle.number)

    def close(self, handle):
        self.do("close", lambda: os.close(handle.fd), handle=handle.number)

    def size(self):
        return self.random.choice(SIZES) if self.random.random() < 0.7 else self.random.randrange(SIZE_MAX)

    # Operations, each named in the weights.

    def save(self, name=None):
        """What `>` of a shell does."""
        if name is None:
            parent, name = self.folder(), self.random.choice(FILES)
            if self.random.random() < 0.5 and (known := self.some_file()):
                parent, name = known.parent, known.name
        else:
            parent = self.root
        handle = self.open(parent, name, create=True, trunc=True)
        at = 0
        for _ in range(self.random.randrange(4)):
            size = self.size()
            self.write(handle, at, size)
            at += size
        self.attributes(handle)
        if self.random.random() < 0.3:
            self.fsync(handle)
        self.close(handle)
        return handle.node

    def replace(self):
        """What an editor does: a temporary file, renamed over the old one."""
        target = self.some_file()
        if target is None or "temp" in self.root.children:
            return
        node = self.save("temp")
        self.do_rename(node, target.parent, target.name)

    def append(self):
        node = self.some_file()
        if node is None:
            return
        handle = self.open(node.parent, node.name, append=True)
        for _ in range(self.random.randrange(1, 3)):
            self.write(handle, node.size, self.size(), append=True)
            self.fsync(handle)
        self.close(handle)

    def edit(self):
        node = self.some_file()
        if node is None:
            return
        handle = self.open(node.parent, node.name)
        for _ in range(self.random.randrange(1, 4)):
            self.write(handle, self.random.randrange(node.size + 2), self.size())
            if self.random.random() < 0.2:
                self.truncate(handle, self.random.randrange(min(node.size * 2, SIZE_MAX) + 1))
            if self.random.random() < 0.3:
                self.fsync(handle)
        self.attributes(handle)
        self.close(handle)

    def large(self):
        """Makes a file of many parts, or changes a little of it."""
        node = next((node for node in self.nodes("file") if node.name == LARGE_NAME), None)
        if node is None:
            parent = self.folder()
            handle = self.open(parent, LARGE_NAME, create=True)
            left = self.random.randrange(20 * MIB, 40 * MIB)
            while left > 0:
                size = min(left, 4 * MIB)
                self.write(handle, handle.node.size, size)
                left -= size
            # As what records sound or pictures does: its parts may have gone up already.
            if self.random.random() < 0.5:
                self.write(handle, 0, self.size())
        else:
            handle = self.open(node.parent, node.name)
            for _ in range(self.random.randrange(1, 4)):
                self.write(handle, self.random.randrange(node.size + 1), self.size())
            if self.random.random() < 0.5:
                self.fsync(handle)
        self.attributes(handle)
        self.close(handle)

    def hold(self):
        """Opens and writes, and leaves it open: nothing of it is acknowledged yet."""
        if len(self.held) >= HELD_MAX:
            return
        node = self.some_file()
        if node is not None and self.random.random() < 0.5:
            handle = self.open(node.parent, node.name, trunc=self.random.random() < 0.3)
        else:
            place = self.free(FILES)
            if place is None:
                return
            handle = self.open(*place, create=True)
        self.write(handle, handle.node.size, self.size())
        self.held.append(handle)

    def held_on(self):
        if not self.held:
            return
        handle = self.random.choice(self.held)
        kind = self.random.choice(["write", "fsync", "close"])
        if kind == "write":
            self.write(handle, self.random.randrange(handle.node.size + 1), self.size())
        elif kind == "fsync":
            self.fsync(handle)
        else:
            self.held.remove(handle)
            self.attributes(handle)
            self.close(handle)

    def do_rename(self, node, parent, name):
        above = parent.path()
        to = f"{above}/{name}" if above else name
        source = node.path()
        self.do(
            "rename", lambda: os.rename(self.real(source), self.real(to)), path=source, to=to
        )
        if name in parent.children:
            parent.children[name].take()
        node.take()
        parent.put(name, node)

    def rename(self):
        nodes = self.nodes("file", "link")
        if not nodes:
            return
        node = self.random.choice(nodes)
        names = [LARGE_NAME] if node.name == LARGE_NAME else LINKS if node.kind == "link" else FILES
        if self.random.random() < 0.5:
            parent, name = self.folder(), self.random.choice(names)
        else:
            # Over another one. A file's name never becomes that of a link.
            target = self.random.choice(nodes)
            if LARGE_NAME in (node.name, target.name) or (node.kind, target.kind) == ("link", "file"):
                return
            parent, name = target.parent, target.name
        if parent.children.get(name) is not node:
            self.do_rename(node, parent, name)

    def rename_directory(self):
        directories = self.nodes("directory")
        if not directories:
            return
        node = self.random.choice(directories)
        parent, name = self.folder(), self.random.choice(DIRECTORIES)
        above = parent
        while above is not None:
            if above is node:
                return
            above = above.parent
        target = parent.children.get(name)
        if target is not None and target.children:
            return
        height = max((below.depth() for below in node.walk()), default=node.depth()) - node.depth()
        if parent.depth() + 1 + height <= DEPTH_MAX:
            self.do_rename(node, parent, name)

    def unlink(self):
        nodes = self.nodes("file", "link")
        if not nodes:
            return
        node = self.random.choice(nodes)
        path = node.path()
        self.do("unlink", lambda: os.unlink(self.real(path)), path=path)
        node.take()

    def mkdir(self):
        place = self.free(DIRECTORIES)
        if place is None:
            return
        parent, name = place
        above = parent.path()
        path = f"{above}/{name}" if above else name
        self.do("mkdir", lambda: os.mkdir(self.real(path)), path=path)
        parent.put(name, Node("directory"))

    def rmdir(self):
        empty = [node for node in self.nodes("directory") if not node.children]
        if not empty:
            return
        node = self.random.choice(empty)
        path = node.path()
        self.do("rmdir", lambda: os.rmdir(self.real(path)), path=path)
        node.take()

    def symlink(self):
        place = self.free(LINKS)
        if place is None:
            return
        parent, name = place
        above = parent.path()
        path = f"{above}/{name}" if above else name
        target = self.random.choice(["f0", "../nowhere", "/no/such/file", "x" * 300, "\u00fc b"])
        self.do("symlink", lambda: os.symlink(target, self.real(path)), path=path, target=target)
        parent.put(name, Node("link"))

    def run(self):
        weights = self.options["weights"]
        end = time.monotonic() + self.options["seconds"]
        while time.monotonic() < end:
            operation = self.random.choices(list(weights), list(weights.values()))[0]
            getattr(self, operation)()
            time.sleep(self.random.random() * self.options["pause_ms"] / 1000)
        for handle in self.held:
            self.close(handle)


Writer(json.loads(sys.argv[1])).run()
