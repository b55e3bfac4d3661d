/** One daemon per state directory: an advisory lock on a file there, which the kernel frees with its holder. */
import { join } from "node:path";
import { type FileLock, tryLockFile } from "../ffi/file_lock.ts";

/** Another daemon holds the state directory. */
export class AlreadyRunningError extends Error {
  override readonly name = "AlreadyRunningError";
  /** Of the other daemon; undefined when it has not written it yet. */
  readonly pid: number | undefined;

  constructor(stateDir: string, pid: number | undefined) {
    super(
      `Cannot start: a daemon${
        pid === undefined ? "" : ` (pid ${pid})`
      } already uses "${stateDir}"`,
    );
    this.pid = pid;
  }
}

/** Takes the lock or throws `AlreadyRunningError`. The directory must be there. */
export async function acquireInstanceLock(stateDir: string): Promise<FileLock> {
  const path = join(stateDir, "daemon.lock");
  const lock = tryLockFile(path);
  if (lock === undefined) {
    const pid = Number((await Deno.readTextFile(path)).trim());
    throw new AlreadyRunningError(stateDir, Number.isInteger(pid) && pid > 0 ? pid : undefined);
  }
  await Deno.writeTextFile(path, `${Deno.pid}\n`);
  return lock;
}
