/** Who this process acts as. */
import { libc } from "./libc_linux.ts";

/** The effective user. */
export function effectiveUid(): number {
  return libc().geteuid();
}

/** The effective group. */
export function effectiveGid(): number {
  return libc().getegid();
}
