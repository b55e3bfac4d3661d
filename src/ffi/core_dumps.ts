/** Keeps the memory of this process, which holds credentials and file contents, off the disk. */
import { lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

/** prctl(2) */
const PR_SET_DUMPABLE = 4;
/** setrlimit(2) */
const RLIMIT_CORE = 4;

/**
 * From now on there are no core files of this process, not even by a handler that the system pipes them
 * to (which the limit alone would not keep from it), and other processes of the user can neither attach
 * to it nor read its environment. On macOS cores are off by default. Throws `SystemError`.
 */
export function preventCoreDumps(): void {
  if (Deno.build.os !== "linux") return;
  const none = new BigUint64Array(2);
  const isLimited = libc().setrlimit(RLIMIT_CORE, new Uint8Array(none.buffer)) === 0;
  if (isLimited && libc().prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n) === 0) return;
  throw SystemError.of("Cannot prevent core dumps", "prctl", lastErrno());
}
