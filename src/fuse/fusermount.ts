/**
 * The setuid helper by which ordinary users mount: it opens /dev/fuse, mounts, and sends the
 * descriptor over the socket whose number is in _FUSE_COMMFD (libfuse, util/fusermount.c).
 */
import type { Clock } from "../base/clock.ts";
import { Device } from "../ffi/device.ts";
import { FdSocket } from "../ffi/fd_passing.ts";
import { Deadline } from "./deadline.ts";
import { MountError } from "./mount_errors.ts";

const HELPER = "fusermount3";
const FOLDERS = ["/usr/bin", "/bin"];
/** It only makes system calls; but a mount point on a network file system may hang it. */
const HELPER_MS = 20_000;

export interface HelperOptions {
  /** Where to look for the helper besides /usr/bin and /bin, as in $PATH. */
  readonly searchPath?: string;
  readonly clock: Clock;
}

/** Mounts at `mountPoint` with the options of `fusermount3 -o`. Throws `MountError`. */
export async function mountByHelper(
  mountPoint: string,
  options: readonly string[],
  { searchPath = "", clock }: HelperOptions,
  signal: AbortSignal,
): Promise<Device> {
  const helper = await findHelper(searchPath);
  const deadline = helperDeadline(clock, signal);
  const socket = new FdSocket();
  try {
    const child = socket.shareWith((fd) =>
      new Deno.Command(helper, {
        args: ["-o", options.join(","), "--", mountPoint],
        clearEnv: true,
        env: { _FUSE_COMMFD: String(fd), LC_ALL: "C" },
        stdin: "null",
        stdout: "null",
        stderr: "piped",
        signal: deadline.signal,
      }).spawn()
    );
    const { stderr } = await child.output();
    const fd = socket.receive();
    if (fd === undefined) deadline.signal.throwIfAborted();
    if (fd === undefined) {
      throw new MountError(explain(mountPoint, new TextDecoder().decode(stderr)));
    }
    return new Device(fd);
  } finally {
    deadline.release();
    socket.close();
  }
}

/** Detaches the mount; undefined when done, else what the helper said. */
export async function unmountByHelper(
  mountPoint: string,
  lazy: boolean,
  { searchPath = "", clock }: HelperOptions,
): Promise<string | undefined> {
  const deadline = helperDeadline(clock);
  const { success, stderr } = await new Deno.Command(await findHelper(searchPath), {
    args: ["-u", ...(lazy ? ["-z"] : []), "--", mountPoint],
    clearEnv: true,
    env: { LC_ALL: "C" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: deadline.signal,
  }).output();
  deadline.release();
  return success ? undefined : new TextDecoder().decode(stderr).trim();
}

function helperDeadline(clock: Clock, signal?: AbortSignal): Deadline {
  const late = new MountError(
    `Cannot mount: ${HELPER} hangs; is the mount point on a dead server?`,
  );
  return new Deadline(HELPER_MS, late, clock, signal);
}

async function findHelper(searchPath: string): Promise<string> {
  for (const folder of [...FOLDERS, ...searchPath.split(":").filter((entry) => entry !== "")]) {
    const path = `${folder}/${HELPER}`;
    try {
      if ((await Deno.stat(path)).isFile) return path;
    } catch {
      // Look further.
    }
  }
  throw new MountError(
    `Cannot mount as an ordinary user: ${HELPER} is not installed; install the package "fuse3" ` +
      `(apt install fuse3, dnf install fuse3, pacman -S fuse3), or run as root`,
  );
}

/** The helper's words, and what to do. */
function explain(mountPoint: string, said: string): string {
  const words = said.trim() || `${HELPER} gave no reason`;
  return `Cannot mount at "${mountPoint}": ${words}${remedy(words)}`;
}

function remedy(words: string): string {
  if (words.includes("user_allow_other")) {
    return '; add the line "user_allow_other" to /etc/fuse.conf as root, or set allow_other = false';
  }
  if (/fuse device not found|\/dev\/fuse: No such/.test(words)) {
    return "; load the kernel module as root (modprobe fuse), or give the container --device /dev/fuse";
  }
  if (/\/dev\/fuse: (Permission|Operation)/.test(words)) {
    return "; let users open /dev/fuse (chmod 666 /dev/fuse as root, the usual setting)";
  }
  if (/Operation not permitted/.test(words)) {
    return `; ${HELPER} must be owned by root and setuid (chmod u+s), and containers need the ` +
      "capability SYS_ADMIN";
  }
  if (/no write access|Permission denied/.test(words)) {
    return "; the folder must belong to the user who mounts";
  }
  return "";
}
