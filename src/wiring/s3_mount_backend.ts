/** Mounts buckets: store, file system and FUSE put together. */
import { logger } from "../base/log.ts";
import type { Config, MountConfig } from "../config/types.ts";
import type { SharedUsage } from "../control/protocol.ts";
import type { FuseMount } from "../fuse/fuse_mount.ts";
import { mountFuse } from "../fuse/mount.ts";
import type { DirectoryListings } from "../listings/directory_listings.ts";
import { readNetworkState } from "../net/network_state.ts";
import { watchSystemWaking } from "../net/system_bus.ts";
import type { BucketStore } from "../s3/bucket_store.ts";
import type { ReadEnv } from "../s3/credentials.ts";
import type { StoreError } from "../s3/errors.ts";
import { openBucket } from "./bucket.ts";
import { ContactMonitor } from "./contact_monitor.ts";
import { diskCacheUser } from "./disk_cache.ts";
import { closeDescriptor } from "../ffi/descriptor_message.ts";
import type { DescriptorStore } from "../fuse/descriptor_store.ts";
import type { ObjectStore } from "../s3/object_store.ts";
import type { StagingArea } from "../content/staging_area.ts";
import type { LogFile } from "../vfs/handover/log_file.ts";
import { StateLog } from "../vfs/handover/state_log.ts";
import type { S3FileSystem } from "../vfs/s3_file_system.ts";
import { createFileSystem } from "./file_system.ts";
import { HandOver, type LeftMount } from "./hand_over.ts";
import type { MountBackend, RunningMount } from "./mount_backend.ts";
import { Reconnector } from "./reconnector.ts";
import { Resources } from "./resources.ts";
import { ServedMount } from "./served_mount.ts";
import { volumeOf } from "./volume_name.ts";

/** The backend of a daemon with this config. Its state directory must be there and locked. */
export async function createMountBackend(
  config: Config,
  readEnv: ReadEnv,
  store?: DescriptorStore,
): Promise<MountBackend> {
  const resources = await Resources.open(config, readEnv);
  const handOver = new HandOver(store, resources.clock, readEnv("PATH") ?? "");
  await handOver.abandonAllBut(config.mounts);
  return new S3MountBackend(resources, readEnv, handOver);
}

/** How a mount asks S3. */
interface Contact {
  readonly store: BucketStore;
  /** The same, noting what it meets. */
  readonly watched: ObjectStore;
  readonly monitor: ContactMonitor;
}

interface Served {
  readonly served: ServedMount;
  /** S3's refusal, if it refuses the mount. */
  readonly greeting: Promise<StoreError | undefined>;
}

interface Restored {
  /** Of the hand-over log; undefined when nobody holds it. */
  readonly file: LogFile | undefined;
  readonly stateLog: StateLog | undefined;
  readonly fileSystem: S3FileSystem;
  readonly listings: DirectoryListings;
}

class S3MountBackend implements MountBackend {
  readonly #resources: Resources;
  readonly #readEnv: ReadEnv;
  readonly #reconnector: Reconnector;
  readonly #handOver: HandOver;

  constructor(resources: Resources, readEnv: ReadEnv, handOver: HandOver) {
    this.#resources = resources;
    this.#readEnv = readEnv;
    this.#reconnector = new Reconnector({
      pool: resources.pool,
      clock: resources.clock,
      log: logger("wiring"),
      readNetwork: readNetworkState,
      watchWaking: watchSystemWaking,
    });
    this.#handOver = handOver;
  }

  get outlivesProcess(): boolean {
    return this.#handOver.isPossible;
  }

  isLeft(config: MountConfig): boolean {
    return this.#handOver.isLeft(config);
  }

  async detach({ name, mountPoint }: MountConfig): Promise<void> {
    await this.#handOver.abandon(name, mountPoint);
  }

  async start(config: MountConfig, signal: AbortSignal): Promise<RunningMount> {
    const store = openBucket(config, this.#resources, this.#readEnv);
    let served: ServedMount | undefined;
    const monitor = new ContactMonitor({
      probe: (signal) => store.probe(signal),
      sinceContactMs: () => store.stats.sinceContactMs(),
      hasNewCredentials: () => store.hasNewCredentials(),
      onRegained: () => served?.retryUploads(),
      clock: this.#resources.clock,
      log: logger("wiring", config.name),
    });
    try {
      const watched = monitor.watched(store.store);
      this.#resources.disk?.cache.addUser(watched, diskCacheUser(config));
      const mounted = await this.#mount(config, { store, watched, monitor }, signal);
      served = mounted.served;
      const refusal = await mounted.greeting;
      if (refusal !== undefined) throw refusal;
      signal.throwIfAborted();
      return served;
    } catch (error) {
      if (served !== undefined) {
        await served.unmount({ force: true }, new AbortController().signal);
      } else {
        await monitor.close();
        store.close();
      }
      throw error;
    }
  }

  async reconfigure(config: Config): Promise<void> {
    await this.#resources.reconfigure(config);
  }

  usage(): SharedUsage {
    return this.#resources.usage();
  }

  cachedBytes(mount: MountConfig): number {
    return this.#resources.disk?.cache.usedBytes(volumeOf(mount)) ?? 0;
  }

  async clearCache(mount?: MountConfig): Promise<number> {
    const volume = mount === undefined ? undefined : volumeOf(mount);
    return await this.#resources.disk?.cache.clear(volume) ?? 0;
  }

  async close(): Promise<void> {
    await this.#reconnector.close();
    await this.#resources.close();
  }

  /** Goes on with the mount of an earlier process if there is one, or makes one. */
  async #mount(config: MountConfig, contact: Contact, signal: AbortSignal): Promise<Served> {
    const left = await this.#handOver.take(config);
    if (left !== undefined) {
      try {
        return await this.#serve(config, contact, signal, left);
      } catch (error) {
        const { name } = config;
        logger("wiring", name).error("{name} is mounted anew: {error}", { name, error });
        await this.#handOver.abandon(name, config.mountPoint);
        left.file.close();
      }
    }
    return await this.#serve(config, contact, signal, undefined);
  }

  async #serve(
    config: MountConfig,
    contact: Contact,
    signal: AbortSignal,
    left: LeftMount | undefined,
  ): Promise<Served> {
    const { clock, pool, disk } = this.#resources;
    const { store, monitor } = contact;
    const { file, stateLog, fileSystem, listings } = await this.#restore(config, contact, left);
    // S3 is asked while the folder is being mounted: by what the first lookup would ask.
    const greeting = config.attributes === "full"
      ? monitor.greet()
      : monitor.greet((signal) => listings.firstPage.take("", store.firstPage(signal)));
    let mount: FuseMount;
    try {
      const { mountPoint, name, allowOther, readOnly } = config;
      const searchPath = this.#readEnv("PATH") ?? "";
      mount = await mountFuse(
        fileSystem,
        {
          mountPoint,
          name,
          allowOther,
          readOnly,
          searchPath,
          clock,
          busyElsewhere: () => pool.inUse > 0,
          ...(left === undefined ? {} : { takeOver: left.takeOver }),
        },
        signal,
      );
    } catch (error) {
      await fileSystem.close();
      stateLog?.close();
      throw error;
    }
    fileSystem.setNotifier(mount.notifier);
    if (file !== undefined && stateLog !== undefined) {
      await this.#handOver.leave(config, mount, file, stateLog, left === undefined);
    }
    const connected = this.#reconnector.add({ store, monitor, fileSystem });
    const reconfigure = (config: MountConfig) => {
      listings.setTtl(config.metadataTtlMs);
      disk?.cache.setShare(volumeOf(config), config.cacheSizeBytes ?? Infinity);
    };
    const served = new ServedMount({
      mount,
      fileSystem,
      store,
      monitor,
      connected,
      clock,
      reconfigure,
    });
    return { served, greeting };
  }

  /** The file system, as the mount of an earlier process had it. */
  async #restore(
    config: MountConfig,
    { watched, monitor }: Contact,
    left: LeftMount | undefined,
  ): Promise<Restored> {
    const file = left?.file ?? this.#handOver.newLog();
    let stateLog: StateLog | undefined;
    const newLog = file && ((staging: StagingArea) =>
      stateLog = new StateLog({
        file,
        staging,
        about: left?.state.about,
        log: logger("vfs", config.name),
        onBroken: () => this.#handOver.drop(config.name),
      }));
    const objects = { store: watched, contact: monitor };
    try {
      const created = await createFileSystem(config, objects, this.#resources, {
        ...(left === undefined ? {} : { saved: left.state }),
        ...(newLog === undefined ? {} : { newLog }),
      });
      return { file, stateLog, ...created };
    } catch (error) {
      if (left !== undefined) closeDescriptor(left.takeOver.device);
      throw error;
    }
  }
}
