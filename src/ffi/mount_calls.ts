/** mount(2) and umount2(2). */
import { cString, lastErrno, libc } from "./libc_linux.ts";
import { SystemError } from "./system_error.ts";

/** Source: sys/mount.h. */
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/** Throws `SystemError`. For FUSE this returns before the kernel's first request was answered. */
export function mountFileSystem(
  source: string,
  target: string,
  type: string,
  flags: number,
  data: string,
): void {
  const failed = libc().mount(
    cString(source),
    cString(target),
    cString(type),
    BigInt(flags),
    cString(data),
  ) !== 0;
  if (failed) throw SystemError.of(`Cannot mount "${target}"`, "mount", lastErrno(), target);
}

/**
 * Detaches what is mounted at `target`, on another thread, for the kernel may ask the file system while
 * it does so. `lazy`: also when it is in use. False when it failed; why is not known.
 */
export async function unmountElsewhere(target: string, lazy: boolean): Promise<boolean> {
  const flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
  return await libc().umount2_off_thread(cString(target), flags) === 0;
}
