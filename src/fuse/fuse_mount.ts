/** A mounted file system, and what it takes to get one. */
import type { Clock } from "../base/clock.ts";
import type { CacheNotifier } from "../vfs/file_system.ts";
import type { InitReply } from "./wire/init.ts";

export interface MountOptions {
  /** Absolute. Made when missing; must be empty. */
  readonly mountPoint: string;
  /** Shown by mount(8) as `cloudmount#NAME`. */
  readonly name: string;
  /** Let other users in; without it not even root may enter a user's mount. */
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** Where to look for helper programs besides /usr/bin and /bin: the value of $PATH. */
  readonly searchPath?: string;
  /** See `SessionOptions.busyElsewhere`. */
  readonly busyElsewhere?: () => boolean;
  readonly clock?: Clock;
  /** The mount is there: an earlier process has served it. */
  readonly takeOver?: TakenOver;
}

/** What is needed to go on with a mount. */
export interface TakenOver {
  /** The descriptor of /dev/fuse, which is taken over. */
  readonly device: number;
  readonly agreed: InitReply;
}

export interface FuseMount {
  /** The folder, without symbolic links on the way to it. */
  readonly mountPoint: string;
  readonly notifier: CacheNotifier;
  /** What another process needs to go on with it; undefined when the kernel does not allow that. */
  readonly successor: TakenOver | undefined;
  /**
   * Resolves when the mount is gone, whoever unmounted it, and no operation runs any more. Handles that
   * are still open then get no release: the kernel drops what it has not sent.
   */
  readonly closed: Promise<void>;
  /** False when requests have been waiting for long and none was taken. To be asked every few seconds. */
  answers(): boolean;
  /**
   * Resolves when the mount is gone. Throws `MountBusyError` when it is in use. With `force` the folder
   * is detached even so and operations under way fail.
   */
  unmount(options?: { readonly force?: boolean }): Promise<void>;
}
