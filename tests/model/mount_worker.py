"""Does the operations of the model test below a folder: one JSON line in, one out.

A program of its own, because a process that takes part in serving a mount may not touch it. Bytes
travel in base64 under the key "bytes"; contents are made here from their numbers.
"""

import array
import base64
import ctypes
import errno
import json
import os
import stat
import sys

ROOT = sys.argv[1]
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
ACCESS = {"r": os.O_RDONLY, "w": os.O_WRONLY, "rw": os.O_RDWR}
SLOTS = {}
HELD = {}


def content(op):
    """The same bytes as contentOf() of operation.ts makes."""
    words = array.array("I", bytes(4 * ((op["size"] + 3) // 4)))
    state = (op["fill"] ^ 0x9E3779B9) & 0xFFFFFFFF or 1
    for i in range(len(words)):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        words[i] = state
    return words.tobytes()[: op["size"]]


def real(path):
    return f"{ROOT}/{path}" if path else ROOT


def check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def close(slot):
    if slot in SLOTS:
        os.close(SLOTS.pop(slot))


def open_slot(op):
    how = op["how"]
    close(op["slot"])
    flags = ACCESS[how["access"]] | os.O_NOFOLLOW | os.O_CLOEXEC
    for name, flag in (("create", os.O_CREAT), ("excl", os.O_EXCL), ("trunc", os.O_TRUNC), ("append", os.O_APPEND)):
        if how.get(name) and (name != "excl" or how.get("create")):
            flags |= flag
    SLOTS[op["slot"]] = os.open(real(op["path"]), flags, 0o644)


def hold(op):
    """The kernel keeps the inode without opening the file."""
    fd = os.open(real(op["path"]), os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    # Only now: what fails leaves the slot as it is.
    drop(op["slot"])
    HELD[op["slot"]] = fd


def open_held(op):
    close(op["slot"])
    SLOTS[op["slot"]] = os.open(f"/proc/self/fd/{HELD[op['slot']]}", os.O_RDONLY | os.O_CLOEXEC)


def drop(slot):
    if slot in HELD:
        os.close(HELD.pop(slot))


def write(op):
    data = content(op)
    fd = SLOTS[op["slot"]]
    # With O_APPEND, pwrite(2) appends whatever the offset.
    written = os.pwrite(fd, data, op["at"])
    if written != len(data):
        raise RuntimeError(f"pwrite wrote {written} of {len(data)} bytes")
    return written


def read(fd, at, size):
    parts = []
    while size > 0:
        part = os.pread(fd, size, at)
        if not part:
            break
        parts.append(part)
        at += len(part)
        size -= len(part)
    return {"bytes": base64.b64encode(b"".join(parts)).decode()}


def read_all(op):
    fd = os.open(real(op["path"]), os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return read(fd, 0, os.fstat(fd).st_size)
    finally:
        os.close(fd)


def copy(op):
    """As cp(1) does, which does not copy what it has itself added to the source."""
    done = 0
    size = max(1, min(op["size"], os.fstat(SLOTS[op["slot"]]).st_size - op["at"]))
    while done < size:
        copied = os.copy_file_range(
            SLOTS[op["slot"]], SLOTS[op["toSlot"]], size - done, op["at"] + done, op["toAt"] + done
        )
        if copied == 0:
            break
        done += copied
    return done


def seek(op):
    return os.lseek(SLOTS[op["slot"]], op["at"], os.SEEK_DATA if op["whence"] == "data" else os.SEEK_HOLE)


def fallocate(op):
    offset, size = ctypes.c_long(op["at"]), ctypes.c_long(op["size"])
    check(LIBC.fallocate(SLOTS[op["slot"]], op["mode"], offset, size))


def rename(op):
    source, target = os.fsencode(real(op["path"])), os.fsencode(real(op["to"]))
    check(LIBC.renameat2(AT_FDCWD, source, AT_FDCWD, target, op["flags"]))


def kind(mode):
    return "folder" if stat.S_ISDIR(mode) else "symlink" if stat.S_ISLNK(mode) else "file"


def told(st):
    mtime = st.st_mtime_ns // 10**9 if st.st_mtime_ns % 10**9 == 0 else st.st_mtime_ns / 1e9
    result = {"kind": kind(st.st_mode), "mode": stat.S_IMODE(st.st_mode), "mtime": mtime}
    if not stat.S_ISDIR(st.st_mode):
        result["size"] = st.st_size
    return result


def fstat(op):
    st = os.fstat(SLOTS[op["slot"]])
    return {**told(st), "nlink": st.st_nlink}


def listing(op):
    with os.scandir(real(op["path"])) as entries:
        return sorted(f"{entry.name} {kind(entry.stat(follow_symlinks=False).st_mode)}" for entry in entries)


def flush(op):
    os.close(os.dup(SLOTS[op["slot"]]))


def close_all(_):
    for slot in list(SLOTS):
        close(slot)
    for slot in list(HELD):
        drop(slot)


OPERATIONS = {
    "open": open_slot,
    "hold": hold,
    "openHeld": open_held,
    "close": lambda op: close(op["slot"]),
    "closeAll": close_all,
    "fsync": lambda op: os.fsync(SLOTS[op["slot"]]),
    "flush": flush,
    "fstat": fstat,
    "write": write,
    "read": lambda op: read(SLOTS[op["slot"]], op["at"], op["size"]),
    "ftruncate": lambda op: os.ftruncate(SLOTS[op["slot"]], op["size"]),
    "fallocate": fallocate,
    "copy": copy,
    "seek": seek,
    "truncate": lambda op: os.truncate(real(op["path"]), op["size"]),
    "mkdir": lambda op: os.mkdir(real(op["path"]), 0o755),
    "rmdir": lambda op: os.rmdir(real(op["path"])),
    "unlink": lambda op: os.unlink(real(op["path"])),
    "symlink": lambda op: os.symlink(op["target"], real(op["path"])),
    "readlink": lambda op: os.readlink(real(op["path"])),
    "rename": rename,
    "stat": lambda op: told(os.lstat(real(op["path"]))),
    "list": listing,
    "readAll": read_all,
    "chmod": lambda op: os.chmod(real(op["path"]), op["mode"]),
    "utimes": lambda op: os.utime(real(op["path"]), (op["seconds"], op["seconds"])),
    "setxattr": lambda op: os.setxattr(real(op["path"]), op["name"], content(op), op["flags"]),
    "getxattr": lambda op: {"bytes": base64.b64encode(os.getxattr(real(op["path"]), op["name"])).decode()},
    "removexattr": lambda op: os.removexattr(real(op["path"]), op["name"]),
    "listxattr": lambda op: sorted(os.listxattr(real(op["path"]))),
}

os.umask(0o022)
for line in sys.stdin:
    operation = json.loads(line)
    try:
        answer = {"value": OPERATIONS[operation["op"]](operation)}
    except OSError as error:
        answer = {"error": errno.errorcode.get(error.errno, str(error.errno)), "message": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
