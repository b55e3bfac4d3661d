"""What is in a directory, for the crash harness: one line of JSON per entry below sys.argv[1]."""

import hashlib
import json
import os
import stat
import sys

ROOT = sys.argv[1]


def visit(path):
    for name in sorted(os.listdir(f"{ROOT}/{path}")):
        below = f"{path}/{name}" if path else name
        real = f"{ROOT}/{below}"
        found = os.lstat(real)
        entry = {"path": below, "mode": stat.S_IMODE(found.st_mode), "mtime": str(found.st_mtime_ns)}
        if stat.S_ISDIR(found.st_mode):
            print(json.dumps({**entry, "kind": "directory"}))
            visit(below)
        elif stat.S_ISLNK(found.st_mode):
            print(json.dumps({**entry, "kind": "link", "target": os.readlink(real)}))
        else:
            with open(real, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            print(json.dumps({**entry, "kind": "file", "size": found.st_size, "sha256": sha256}))


visit("")
