/** Flags of open(2) in the host's numbers (asm-generic/fcntl.h; macOS sys/fcntl.h). */
import { hostOs } from "../base/errno.ts";

const DARWIN = hostOs() === "darwin";

const O_ACCMODE = 3;
const O_RDONLY = 0;
export const O_EXCL = DARWIN ? 0x800 : 0x80;
export const O_TRUNC = DARWIN ? 0x400 : 0x200;

/** True when the flags allow writing. */
export function opensForWriting(flags: number): boolean {
  return (flags & O_ACCMODE) !== O_RDONLY;
}
