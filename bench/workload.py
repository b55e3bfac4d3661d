"""What programs do in a mount, timed where it is done, in a process that lives as long as the benchmark.

Reads one JSON object a line: {"op": NAME, "limit": SECONDS, ...}, and answers each with one line:
{"seconds", "done", "total", "cut"} ("cut": the limit came first) or {"error"}.
"""

import json
import os
import random
import stat
import subprocess
import sys
import threading
import time

READ_BYTES = 1024 * 1024


class Deadline:
    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def left(self):
        return max(0.0, self.at - time.monotonic())

    def over(self):
        return time.monotonic() >= self.at


def first_byte(deadline, path):
    fd = os.open(path, os.O_RDONLY)
    got = os.read(fd, 1)
    os.close(fd)
    return len(got), 1


def read(deadline, path):
    """A whole file from its beginning to its end."""
    buffer = bytearray(READ_BYTES)
    done = 0
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        while not deadline.over():
            got = os.readv(fd, [buffer])
            if got == 0:
                break
            done += got
    finally:
        os.close(fd)
    return done, size


def in_threads(threads, deadline, count, act):
    """Calls act(index) for each index below count; the number of calls that were made."""
    lock = threading.Lock()
    state = {"next": 0, "done": 0, "error": None}

    def run():
        while not deadline.over():
            with lock:
                index = state["next"]
                if index >= count or state["error"] is not None:
                    return
                state["next"] += 1
            try:
                act(index)
            except OSError as error:
                state["error"] = error
                return
            with lock:
                state["done"] += 1

    if threads == 1:
        run()
    else:
        workers = [threading.Thread(target=run) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if state["error"] is not None:
        raise state["error"]
    return state["done"], count


def random_reads(deadline, path, bytes, count, threads, seed):
    fd = os.open(path, os.O_RDONLY)
    try:
        # Each read goes to the file system as it is.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        blocks = os.fstat(fd).st_size // bytes
        chooser = random.Random(seed)
        places = [chooser.randrange(blocks) * bytes for _ in range(count)]

        def act(index):
            if len(os.pread(fd, bytes, places[index])) != bytes:
                raise OSError(f"short read at {places[index]}")

        return in_threads(threads, deadline, count, act)
    finally:
        os.close(fd)


def forget(deadline, path):
    """Has the kernel drop what it holds of the file, but not what programs have cached elsewhere."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
    return 1, 1


def read_files(deadline, path, threads):
    """As `cat *` does: list, then open, read and close one after another (or so many at a time)."""
    names = sorted(os.listdir(path))

    def act(index):
        fd = os.open(f"{path}/{names[index]}", os.O_RDONLY)
        try:
            while os.read(fd, 128 * 1024):
                pass
        finally:
            os.close(fd)

    return in_threads(threads, deadline, len(names), act)


def stat_files(deadline, path):
    names = sorted(os.listdir(path))
    return in_threads(1, deadline, len(names), lambda index: os.stat(f"{path}/{names[index]}"))


def program(deadline, argv):
    """A program to its end; its output goes nowhere."""
    child = subprocess.Popen(
        argv, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _, said = child.communicate(timeout=deadline.left())
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return 0, 1
    if child.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines() or [""]
        raise OSError(f"{argv[0]} ended with {child.returncode}: {lines[-1]}")
    return 1, 1


def write(deadline, path, bytes):
    """A new file, written in order, synced and closed."""
    block = random.Random(bytes).randbytes(READ_BYTES)
    done = 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        while done < bytes and not deadline.over():
            done += os.write(fd, block[: bytes - done])
        os.fsync(fd)
    finally:
        os.close(fd)
    return done, bytes


def edit(deadline, path, offset, bytes):
    fd = os.open(path, os.O_RDWR)
    try:
        os.pwrite(fd, os.urandom(bytes), offset)
        os.fsync(fd)
    finally:
        os.close(fd)
    return 1, 1


def rename(deadline, path, to):
    os.rename(path, to)
    return 1, 1


def count_files(deadline, path):
    """How many files are below a directory."""
    return sum(len(files) for _, _, files in os.walk(path)), 0


def exists(deadline, path):
    return (1 if stat.S_ISDIR(os.stat(path).st_mode) else 0), 1


OPERATIONS = {
    operation.__name__: operation
    for operation in (
        first_byte,
        read,
        random_reads,
        forget,
        read_files,
        stat_files,
        program,
        write,
        edit,
        rename,
        count_files,
        exists,
    )
}


def answer(line):
    request = json.loads(line)
    operation = OPERATIONS[request.pop("op")]
    deadline = Deadline(request.pop("limit"))
    start = time.monotonic()
    try:
        done, total = operation(deadline, **request)
    except OSError as error:
        return {"error": str(error), "seconds": time.monotonic() - start}
    seconds = time.monotonic() - start
    return {"seconds": seconds, "done": done, "total": total, "cut": done < total}


for line in sys.stdin:
    print(json.dumps(answer(line)), flush=True)
