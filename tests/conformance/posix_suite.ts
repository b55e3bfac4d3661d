/**
 * What programs expect of any folder: a table of named checks, each a piece of Python that runs in an
 * empty folder of its own and fails by an exception. Run on a plain folder it proves itself; run on a
 * mount it proves the mount.
 */
import { succeed } from "../support/mount_programs.ts";
import { DIRECTORY_CHECKS } from "./posix_directories.ts";
import { FILE_CHECKS } from "./posix_files.ts";
import { OPEN_FILE_CHECKS } from "./posix_open_files.ts";

export interface PosixCheck {
  /** A sentence. */
  readonly name: string;
  /** Python, with the helpers of `PRELUDE`; the working directory is empty. */
  readonly python: string;
}

export interface PosixResult {
  readonly name: string;
  /** Undefined when it held. */
  readonly error: string | undefined;
}

const CHECKS: readonly PosixCheck[] = [...FILE_CHECKS, ...OPEN_FILE_CHECKS, ...DIRECTORY_CHECKS];

/** Helpers of the checks, and the loop that runs them all in one process. */
const PRELUDE = `
import contextlib, ctypes, errno, fcntl, json, mmap, os, socket, struct, subprocess, sys
import time, traceback
from errno import *
from os import *

@contextlib.contextmanager
def fails(*names):
    "The block must fail with one of these errors."
    try:
        yield
    except OSError as error:
        if error.errno not in names:
            raise AssertionError(f"{errorcode[error.errno]}, not {[errorcode[n] for n in names]}")
    else:
        raise AssertionError(f"It did not fail with {[errorcode[n] for n in names]}")

def put(path, data=b""):
    with open_file(path, "wb") as file:
        file.write(data)

def got(path):
    with open_file(path, "rb") as file:
        return file.read()

def same(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r:.300} is not {expected!r:.300}")

@contextlib.contextmanager
def opened(path, flags, mode=0o644):
    fd = os.open(path, flags, mode)
    try:
        yield fd
    finally:
        os.close(fd)

def in_child(source, *args):
    subprocess.run([sys.executable, "-c", source, *args], check=True)

import stat as stat_module
libc = ctypes.CDLL(None, use_errno=True)

def renameat2(old, new, flags):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")

import builtins
open_file = builtins.open
`;

const LOOP = `
os.umask(0o022)
root = sys.argv[1]
for index, check in enumerate(json.load(sys.stdin)):
    folder = os.path.join(root, f"check-{index}")
    os.mkdir(folder)
    os.chdir(folder)
    error = None
    try:
        exec(compile(check["python"], check["name"], "exec"), dict(globals()))
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps({"name": check["name"], "error": error}), flush=True)
    os.chdir(root)
`;

/** Runs all checks below `folder`, in order. */
export async function runPosixChecks(folder: string, seconds = 60): Promise<PosixResult[]> {
  const output = await succeed("python3", ["-c", PRELUDE + LOOP, folder], {
    stdin: JSON.stringify(CHECKS),
    seconds,
  });
  const results: PosixResult[] = output.trimEnd().split("\n").map((line) => {
    const { name, error } = JSON.parse(line) as { name: string; error: string | null };
    return { name, error: error ?? undefined };
  });
  if (results.length !== CHECKS.length) throw new Error("Not all checks were run");
  return results;
}
