/**
 * Mounts that outlive this process: takes over what an earlier one has left, and leaves what the next one
 * needs.
 */
import type { Clock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { MountConfig } from "../config/types.ts";
import { closeDescriptor } from "../ffi/descriptor_message.ts";
import type { DescriptorStore } from "../fuse/descriptor_store.ts";
import type { FuseMount, TakenOver } from "../fuse/fuse_mount.ts";
import { abandonMount } from "../fuse/mount_linux.ts";
import type { InitReply } from "../fuse/wire/init.ts";
import { LogFile } from "../vfs/handover/log_file.ts";
import { SavedState } from "../vfs/handover/saved_state.ts";
import type { StateLog } from "../vfs/handover/state_log.ts";

const log = logger("wiring", "handover");

/** A mount that an earlier process has left. */
export interface LeftMount {
  readonly state: SavedState;
  readonly file: LogFile;
  readonly takeOver: TakenOver;
}

/** The text of `SavedState.about`. */
interface About {
  readonly mountPoint: string;
  /** Everything that makes it another mount when it changes. */
  readonly identity: string;
  readonly agreed: Omit<InitReply, "flags"> & { readonly flags: string };
}

export class HandOver {
  readonly #store: DescriptorStore | undefined;
  readonly #clock: Clock;
  readonly #searchPath: string;
  /** Mounts that end with this process. */
  readonly #mortal = new Set<string>();

  /** Without a store every mount ends with this process. */
  constructor(store: DescriptorStore | undefined, clock: Clock, searchPath: string) {
    this.#store = store;
    this.#clock = clock;
    this.#searchPath = searchPath;
  }

  /** Whether all mounts outlive this process. */
  get isPossible(): boolean {
    return this.#store !== undefined && this.#mortal.size === 0;
  }

  /** Whether an earlier process has left the mount. */
  isLeft({ name }: MountConfig): boolean {
    return this.#store?.names().includes(name) === true;
  }

  /** Ends what nobody will go on with. */
  async abandonAllBut(mounts: readonly MountConfig[]): Promise<void> {
    for (const name of this.#store?.names() ?? []) {
      if (mounts.some((mount) => mount.name === name && mount.enabled)) continue;
      log.info("{name} is not served any more", { name });
      const { file, device } = this.#take(name) ?? {};
      await this.abandon(name, file === undefined ? undefined : aboutIn(file)?.mountPoint);
      file?.close();
      if (device !== undefined) closeDescriptor(device);
    }
  }

  /** What an earlier process has left of the mount, if it can be gone on with. */
  async take(mount: MountConfig): Promise<LeftMount | undefined> {
    const taken = this.#take(mount.name);
    if (taken === undefined) return undefined;
    const { file, device } = taken;
    let mountPoint: string | undefined = mount.mountPoint;
    try {
      if (file === undefined) throw new TypeError("its hand-over log cannot be read");
      const state = SavedState.of(file.read());
      const about = parseAbout(state.about);
      mountPoint = about.mountPoint;
      if (about.identity !== identityOf(mount)) throw new TypeError("its settings have changed");
      const agreed = { ...about.agreed, flags: BigInt(about.agreed.flags) };
      return { state, file, takeOver: { device, agreed } };
    } catch (error) {
      log.warn("{name} is mounted anew: {error}", { name: mount.name, error });
      await this.abandon(mount.name, mountPoint);
      file?.close();
      closeDescriptor(device);
      return undefined;
    }
  }

  /** A log for a new mount; undefined when nobody would keep it. */
  newLog(): LogFile | undefined {
    return this.#store === undefined ? undefined : LogFile.create();
  }

  /** Leaves the mount to whoever comes after this process, until it is unmounted. Never rejects. */
  async leave(
    mount: MountConfig,
    served: FuseMount,
    file: LogFile,
    stateLog: StateLog,
    isNew: boolean,
  ): Promise<void> {
    const { name } = mount;
    void served.closed.then(() => {
      this.drop(name);
      this.#mortal.delete(name);
      stateLog.close();
    });
    try {
      if (served.successor === undefined) throw new Error("the kernel is older than 6.9");
      if (isNew) {
        const { device, agreed } = served.successor;
        stateLog.setAbout(JSON.stringify(
          {
            mountPoint: served.mountPoint,
            identity: identityOf(mount),
            agreed: { ...agreed, flags: String(agreed.flags) },
          } satisfies About,
        ));
        await this.#store?.keep(name, { device, log: file.fd });
      }
    } catch (error) {
      log.warn("{name} will end with this process: {error}", { name, error });
      this.drop(name);
      stateLog.close();
    }
  }

  /** The log of the mount is of no use: it ends with this process. */
  drop(name: string): void {
    this.#mortal.add(name);
    this.#store?.drop(name);
  }

  /** Detaches the folder, and lets go of what was kept. Never rejects. */
  async abandon(name: string, mountPoint: string | undefined): Promise<void> {
    try {
      if (mountPoint !== undefined) {
        await abandonMount(mountPoint, { clock: this.#clock, searchPath: this.#searchPath });
      }
    } catch (error) {
      log.warn("Cannot detach {mountPoint}: {error}", { mountPoint, error });
    }
    this.#store?.drop(name);
  }

  #take(name: string): { readonly file: LogFile | undefined; readonly device: number } | undefined {
    const held = this.#store?.take(name);
    if (held === undefined) return undefined;
    try {
      return { file: LogFile.adopt(held.log), device: held.device };
    } catch {
      return { file: undefined, device: held.device };
    }
  }
}

function aboutIn(file: LogFile): About | undefined {
  try {
    return parseAbout(SavedState.of(file.read()).about);
  } catch {
    return undefined;
  }
}

function parseAbout(text: string | undefined): About {
  if (text === undefined) throw new TypeError("it was not mounted to the end");
  return JSON.parse(text) as About;
}

/** What is live-changeable, like sizes and times, is left out. */
function identityOf(mount: MountConfig): string {
  const { name, bucket, prefix, endpoint, mountPoint, readOnly, allowOther } = mount;
  const { uid, gid, fileMode, dirMode } = mount;
  return JSON.stringify([
    ...[name, bucket, prefix, endpoint ?? null, mountPoint, readOnly, allowOther],
    ...[uid ?? null, gid ?? null, fileMode, dirMode],
  ]);
}
