/** The way in: mounts a file system on the system at hand. */
import { systemClock } from "../base/clock.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { FuseMount, MountOptions } from "./fuse_mount.ts";
import { MountError } from "./mount_errors.ts";
import { mountOnLinux } from "./mount_linux.ts";

/** Mounts and starts to serve. `signal` ends the attempt, not the mount. Throws `MountError`. */
export function mountFuse(
  fileSystem: FileSystem,
  options: MountOptions,
  signal: AbortSignal,
): Promise<FuseMount> {
  if (Deno.build.os !== "linux") {
    return Promise.reject(
      new MountError(`Cannot mount: ${Deno.build.os} is not supported yet, only Linux`),
    );
  }
  return mountOnLinux(fileSystem, { clock: systemClock, ...options }, signal);
}
