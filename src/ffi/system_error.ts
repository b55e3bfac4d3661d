/** The failure of one system call. */
import { errnoName } from "../base/errno.ts";

/** `errno` is the error's name ("ENOSPC"), or "errno N" for one this program has no name for. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly errno: string;
  /** The system call's name, for example "pwrite". */
  readonly syscall: string;
  readonly path: string | undefined;

  /** `action` says what was tried, for example `Cannot write "/tmp/x"`. */
  constructor(action: string, syscall: string, errno: string, path?: string) {
    super(`${action}: ${syscall} failed with ${errno}`);
    this.errno = errno;
    this.syscall = syscall;
    this.path = path;
  }

  /** The same from an error number. */
  static of(action: string, syscall: string, number: number, path?: string): SystemError {
    return new SystemError(action, syscall, errnoName(number), path);
  }
}
