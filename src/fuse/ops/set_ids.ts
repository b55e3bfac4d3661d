/**
 * With HANDLE_KILLPRIV_V2 the kernel leaves it to us to take the set-user-id and set-group-id bits from
 * a file that is written, truncated or given away; in return it does not ask for the file's
 * capabilities before each write: there are none (see xattrs.ts).
 */
import type { FileSystem, InodeNumber, MaybePromise, OpContext } from "../../vfs/file_system.ts";
import { whenReady } from "./op.ts";

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;

/** `mode` without the bits; the group's only counts on a file that its group may execute. */
export function withoutSetIds(mode: number): number {
  return mode & ~S_ISUID & ~((mode & S_IXGRP) !== 0 ? S_ISGID : 0);
}

/**
 * Before a change of the content for which the kernel has no such flag: clears the bits of `inode` unless
 * root asks, who (by CAP_FSETID) keeps them.
 */
export function clearSetIdsForOthers(
  inode: InodeNumber,
  fs: FileSystem,
  context: OpContext,
): MaybePromise<void> {
  return context.uid === 0 ? undefined : clearSetIds(inode, fs, context);
}

/** Clears the bits of `inode` if it has them. */
export function clearSetIds(
  inode: InodeNumber,
  fs: FileSystem,
  context: OpContext,
): MaybePromise<void> {
  return whenReady(fs.getattr(inode, undefined, context), ({ attr }) => {
    const mode = withoutSetIds(attr.mode);
    if (mode === attr.mode || fs.setattr === undefined) return;
    return whenReady(fs.setattr(inode, { mode }, undefined, context), () => {});
  });
}
