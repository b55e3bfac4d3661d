/** A lock that lasts as long as its process: the kernel drops it however the process ends (flock(2)). */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const O_RDWR = 0x2;
const O_CREAT = 0x40;
const O_CLOEXEC = 0x80000;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = 11;

export interface FileLock {
  /** Gives the lock back; further calls do nothing. The file stays. */
  release(): void;
}

/** Locks `path` (made when missing, 0600); undefined when another process has it. */
export function tryLockFile(path: string): FileLock | undefined {
  const fd = libc().open(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, 0o600);
  if (fd < 0) throw SystemError.of(`Cannot open "${path}"`, "open", lastErrno(), path);
  if (libc().flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const number = lastErrno();
    libc().close(fd);
    if (number === EWOULDBLOCK) return undefined;
    throw SystemError.of(`Cannot lock "${path}"`, "flock", number, path);
  }
  let held = true;
  return {
    release: () => {
      if (held) libc().close(fd);
      held = false;
    },
  };
}
