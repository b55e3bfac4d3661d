/** Makes names durable. */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0x80000;

/**
 * Resolves when the names made, moved and removed in the directory before are on the device: syncing a
 * new file does not promise that its name is found again (fsync(2)). Throws `SystemError`, for the
 * sync itself always EIO: the error number of a call on another thread is lost.
 */
export async function syncDirectory(path: string): Promise<void> {
  const fd = libc().open(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw SystemError.of(`Cannot open "${path}"`, "open", lastErrno(), path);
  try {
    if (await libc().fsync_off_thread(fd) !== 0) {
      throw new SystemError(`Cannot sync "${path}"`, "fsync", "EIO", path);
    }
  } finally {
    libc().close(fd);
  }
}
