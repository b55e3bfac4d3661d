/** Why mounting or unmounting failed, in words that say what to do. */

/** A process that uses a mount, and a path there. */
export interface MountHolder {
  readonly pid: number;
  readonly command: string;
  readonly path: string;
}

export class MountError extends Error {
  override readonly name: string = "MountError";
}

/** The mount is in use. */
export class MountBusyError extends MountError {
  override readonly name = "MountBusyError";
  readonly mountPoint: string;
  /** Those that could be found: of other users' processes only root learns. */
  readonly holders: readonly MountHolder[];

  constructor(mountPoint: string, holders: readonly MountHolder[]) {
    const list = holders.map(({ pid, command, path }) => `${command} (pid ${pid}, ${path})`);
    super(
      `Cannot unmount "${mountPoint}": it is in use` +
        (list.length === 0
          ? " by a process of another user; find it as root with: fuser -vm " + mountPoint
          : ` by ${list.join(", ")}; end this use, or unmount with --force`),
    );
    this.mountPoint = mountPoint;
    this.holders = holders;
  }
}
