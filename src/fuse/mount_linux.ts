/**
 * Mounting on Linux: as root by mount(2), else through fusermount3. Nothing here enters the mount that
 * this process serves.
 */
import type { Clock } from "../base/clock.ts";
import { errnoName } from "../base/errno.ts";
import { logger } from "../base/log.ts";
import { messageOf } from "../base/message_of.ts";
import { Device, openDevice } from "../ffi/device.ts";
import { effectiveGid, effectiveUid } from "../ffi/identity.ts";
import {
  mountFileSystem,
  MS_NODEV,
  MS_NOSUID,
  MS_RDONLY,
  unmountElsewhere,
} from "../ffi/mount_calls.ts";
import { SystemError } from "../ffi/system_error.ts";
import type { FileSystem } from "../vfs/file_system.ts";
import type { FuseMount, MountOptions, TakenOver } from "./fuse_mount.ts";
import { Deadline } from "./deadline.ts";
import { type HelperOptions, mountByHelper, unmountByHelper } from "./fusermount.ts";
import { MountBusyError, MountError } from "./mount_errors.ts";
import { findHolders } from "./mount_holders.ts";
import {
  FUSE_SUBTYPE,
  pathOfMount,
  prepareMountPoint,
  removeLeftovers,
  SOURCE_PREFIX,
} from "./mount_point.ts";
import { findMount } from "./mount_table.ts";
import type { FuseNotifier } from "./notifier.ts";
import { Progress } from "./progress.ts";
import { Session } from "./session.ts";
import { InitFlag } from "./wire/init_flags.ts";
import { encodeResend } from "./wire/notifications.ts";

const DEVICE = "/dev/fuse";
/** The kernel sends INIT at once. */
const INIT_MS = 10_000;
/** Pages read ahead by the kernel. Its default of 128 KiB would make that the largest read we see. */
const READ_AHEAD_KB = 1024;
/** Something that looks into every new folder, an indexer say, is gone after this. */
const BUSY_RETRIES = 5;
const BUSY_RETRY_MS = 100;
/** After a successful unmount the session ends at once, unless another mount namespace has a copy. */
const END_MS = 2000;

type Options = MountOptions & { readonly clock: Clock };

/** See `mountFuse`. */
export async function mountOnLinux(
  fileSystem: FileSystem,
  options: Options,
  signal: AbortSignal,
): Promise<FuseMount> {
  signal.throwIfAborted();
  if (options.takeOver !== undefined) {
    return await takeOver(fileSystem, options, options.takeOver);
  }
  const detach = (mountPoint: string) => detachDead(mountPoint, options);
  const mountPoint = await prepareMountPoint(options.mountPoint, detach, options.clock);
  signal.throwIfAborted();
  const device = effectiveUid() === 0
    ? mountAsRoot(mountPoint, options)
    : await mountAsUser(mountPoint, options, signal);
  const session = new Session(device, fileSystem, options);
  const closed = session.run().then(() => device.close());
  const mount = new LinuxMount(mountPoint, options, session, closed);
  try {
    const late = new MountError("Cannot mount: the kernel did not begin within 10 s");
    const agreed = await new Deadline(INIT_MS, late, options.clock, signal).bound(session.ready);
    if ((agreed.flags & InitFlag.HAS_RESEND) !== 0n) {
      mount.successor = { device: device.fd, agreed };
    }
    await mount.raiseReadAhead();
    return mount;
  } catch (error) {
    await mount.unmount({ force: true });
    throw error;
  }
}

/** Goes on with a mount that is there. Throws when that is not possible; the device is closed then. */
async function takeOver(
  fileSystem: FileSystem,
  options: Options,
  successor: TakenOver,
): Promise<FuseMount> {
  const device = new Device(successor.device);
  try {
    const mountPoint = await pathOfMount(options.mountPoint);
    const mounted = await findMount(mountPoint);
    if (mounted?.source !== SOURCE_PREFIX + options.name || device.isDead()) {
      throw new MountError(`Cannot go on with "${mountPoint}": it is not mounted any more`);
    }
    // What the earlier process has taken and not answered comes again.
    const failed = device.write([encodeResend()]);
    if (failed !== 0) {
      throw new MountError(`Cannot go on with "${mountPoint}": ${errnoName(failed)}`);
    }
    const session = new Session(device, fileSystem, { ...options, agreed: successor.agreed });
    const closed = session.run().then(() => device.close());
    const mount = new LinuxMount(mountPoint, options, session, closed);
    mount.successor = successor;
    return mount;
  } catch (error) {
    await device.close();
    throw error;
  }
}

/** Detaches a folder that this daemon has served and does not go on with. */
export async function abandonMount(mountPoint: string, options: HelperOptions): Promise<void> {
  const path = await pathOfMount(mountPoint);
  const mounted = await findMount(path);
  if (mounted?.source.startsWith(SOURCE_PREFIX) !== true) return;
  await unmount(path, true, options);
}

/**
 * Detaches what a dead daemon of ours left mounted at `mountPoint`; true when there was something.
 * Throws `MountError` when it is served, or somebody else's.
 */
export async function removeDeadMount(
  mountPoint: string,
  options: HelperOptions,
): Promise<boolean> {
  return await removeLeftovers(
    mountPoint,
    (mountPoint) => detachDead(mountPoint, options),
    options.clock,
  );
}

async function detachDead(mountPoint: string, options: HelperOptions): Promise<void> {
  if (await unmount(mountPoint, true, options)) return;
  throw new MountError(
    `Cannot mount at "${mountPoint}": a dead mount there cannot be removed; ` +
      `do it as root: umount -l "${mountPoint}"`,
  );
}

class LinuxMount implements FuseMount {
  readonly mountPoint: string;
  readonly notifier: FuseNotifier;
  successor: TakenOver | undefined;
  readonly closed: Promise<void>;
  readonly #options: Options;
  readonly #session: Session;
  readonly #progress: Progress;
  #ended = false;

  constructor(
    mountPoint: string,
    options: Options,
    session: Session,
    closed: Promise<void>,
  ) {
    this.mountPoint = mountPoint;
    this.notifier = session.notifier;
    this.#options = options;
    this.#session = session;
    this.#progress = new Progress(session, options.clock);
    this.closed = closed.then(() => {
      this.#ended = true;
    });
  }

  answers(): boolean {
    return this.#progress.answers();
  }

  async unmount({ force = false }: { readonly force?: boolean } = {}): Promise<void> {
    try {
      await this.#detach(force);
      if (!force) await this.#endsByItself();
    } finally {
      // Closing the descriptor, which follows, aborts the connection: nobody is left waiting.
      if (force) this.#session.stop();
    }
    await this.closed;
  }

  async #detach(lazy: boolean): Promise<void> {
    for (let retry = 0; !this.#ended; retry++) {
      if (await unmount(this.mountPoint, lazy, this.#options)) return;
      if (await this.#isUnmounted()) return;
      if (retry === BUSY_RETRIES) {
        throw new MountBusyError(this.mountPoint, await findHolders(this.mountPoint));
      }
      await this.#options.clock.sleep(BUSY_RETRY_MS);
    }
  }

  /** Best effort: only root may, and /sys may be read-only. */
  async raiseReadAhead(): Promise<void> {
    const mounted = await findMount(this.mountPoint);
    if (mounted === undefined || effectiveUid() !== 0) return;
    const setting = `/sys/class/bdi/${mounted.device}/read_ahead_kb`;
    try {
      if (Number(await Deno.readTextFile(setting)) < READ_AHEAD_KB) {
        await Deno.writeTextFile(setting, String(READ_AHEAD_KB), { create: false });
      }
    } catch (error) {
      logger("fuse", this.#options.name).debug("Cannot raise {setting}: {error}", {
        setting,
        error,
      });
    }
  }

  async #isUnmounted(): Promise<boolean> {
    const mounted = await findMount(this.mountPoint);
    return mounted?.source !== SOURCE_PREFIX + this.#options.name;
  }

  /** Stops the session if it did not end with the mount: a copy elsewhere keeps its connection. */
  async #endsByItself(): Promise<void> {
    const late = new MountError("The connection outlives the mount");
    await new Deadline(END_MS, late, this.#options.clock).bound(this.closed)
      .catch(() => this.#session.stop());
  }
}

/** True when done; why not is told by what is still in the mount table. */
async function unmount(
  mountPoint: string,
  lazy: boolean,
  options: HelperOptions,
): Promise<boolean> {
  if (effectiveUid() === 0) return await unmountElsewhere(mountPoint, lazy);
  const said = await unmountByHelper(mountPoint, lazy, options);
  if (said !== undefined) {
    logger("fuse").debug("fusermount3 -u {mountPoint}: {said}", { mountPoint, said });
  }
  return said === undefined;
}

function mountAsRoot(mountPoint: string, options: Options): Device {
  const device = open(mountPoint);
  const data = [
    `fd=${device.fd}`,
    "rootmode=40000",
    `user_id=${effectiveUid()}`,
    `group_id=${effectiveGid()}`,
    "default_permissions",
    ...(options.allowOther ? ["allow_other"] : []),
  ].join(",");
  const flags = MS_NOSUID | MS_NODEV | (options.readOnly ? MS_RDONLY : 0);
  try {
    const source = SOURCE_PREFIX + options.name;
    mountFileSystem(source, mountPoint, `fuse.${FUSE_SUBTYPE}`, flags, data);
    return device;
  } catch (cause) {
    void device.close();
    const hint = cause instanceof SystemError && cause.errno === "EPERM"
      ? "; mounting needs the capability SYS_ADMIN: give the container --cap-add SYS_ADMIN"
      : "";
    const reason = messageOf(cause);
    throw new MountError(`${reason}${hint}`, { cause });
  }
}

function open(mountPoint: string): Device {
  try {
    return openDevice(DEVICE);
  } catch (cause) {
    const errno = cause instanceof SystemError ? cause.errno : String(cause);
    throw new MountError(
      `Cannot mount at "${mountPoint}": ${DEVICE} cannot be opened (${errno}); load the kernel ` +
        `module (modprobe fuse), or give the container --device ${DEVICE} --cap-add SYS_ADMIN`,
      { cause },
    );
  }
}

function mountAsUser(
  mountPoint: string,
  options: Options,
  signal: AbortSignal,
): Promise<Device> {
  const source = (SOURCE_PREFIX + options.name).replace(/[\\,]/g, "\\$&");
  return mountByHelper(
    mountPoint,
    [
      `fsname=${source}`,
      `subtype=${FUSE_SUBTYPE}`,
      "default_permissions",
      "nosuid",
      "nodev",
      ...(options.allowOther ? ["allow_other"] : []),
      ...(options.readOnly ? ["ro"] : []),
    ],
    options,
    signal,
  );
}
