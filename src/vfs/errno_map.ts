/** Every error class as an errno: the only such place. */
import type { Errno } from "../base/errno.ts";
import { errnoNumber } from "../base/errno.ts";
import { SystemError } from "../ffi/system_error.ts";
import { JournalError } from "../journal/journal_error.ts";
import {
  AccessDeniedError,
  InvalidKeyError,
  NotFoundError,
  PreconditionFailedError,
  StoreError,
  UnsupportedError,
} from "../s3/errors.ts";
import { FsError } from "./file_system.ts";

/** The errno that tells a program best what happened; EIO for what has no better one. */
export function errnoOf(error: unknown): Errno {
  if (error instanceof FsError) return error.errno;
  if (error instanceof SystemError) return isErrno(error.errno) ? error.errno : "EIO";
  if (error instanceof StoreError) return errnoOfStoreError(error);
  if (error instanceof JournalError) return error.reason === "full" ? "ENOSPC" : "EIO";
  if (error instanceof DOMException && error.name === "TimeoutError") return "ETIMEDOUT";
  if (error instanceof DOMException && error.name === "AbortError") return "EINTR";
  // MemoryBudget: more than the whole budget at once.
  if (error instanceof RangeError) return "ENOMEM";
  return "EIO";
}

function errnoOfStoreError(error: StoreError): Errno {
  if (error instanceof NotFoundError) return "ENOENT";
  // Another version is there than the one that was opened.
  if (error instanceof PreconditionFailedError) return "ESTALE";
  if (error instanceof AccessDeniedError) return "EACCES";
  if (error instanceof InvalidKeyError) return "EINVAL";
  if (error instanceof UnsupportedError) return "ENOTSUP";
  return "EIO";
}

function isErrno(name: string): name is Errno {
  return errnoNumber(name as Errno) !== undefined;
}
