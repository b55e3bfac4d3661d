/** Mounts buckets: store, file system and FUSE put together. */
import { logger } from "../base/log.ts";
import type { Config, MountConfig } from "../config/types.ts";
import type { SharedUsage } from "../control/protocol.ts";
import type { FuseMount } from "../fuse/fuse_mount.ts";
import { mountFuse } from "../fuse/mount.ts";
import type { DirectoryListings } from "../listings/directory_listings.ts";
import { readNetworkState } from "../net/network_state.ts";
import { watchSystemWaking } from "../net/system_bus.ts";
import type { ReadEnv } from "../s3/credentials.ts";
import { openBucket } from "./bucket.ts";
import { ContactMonitor } from "./contact_monitor.ts";
import { diskCacheUser } from "./disk_cache.ts";
import { createFileSystem } from "./file_system.ts";
import type { MountBackend, RunningMount } from "./mount_backend.ts";
import { Reconnector } from "./reconnector.ts";
import { Resources } from "./resources.ts";
import { ServedMount, type ServedMountParts } from "./served_mount.ts";
import { volumeOf } from "./volume_name.ts";

/** The backend of a daemon with this config. Its state directory must be there and locked. */
export async function createMountBackend(
  config: Config,
  readEnv: ReadEnv,
): Promise<MountBackend> {
  return new S3MountBackend(await Resources.open(config, readEnv), readEnv);
}

class S3MountBackend implements MountBackend {
  readonly #resources: Resources;
  readonly #readEnv: ReadEnv;
  readonly #reconnector: Reconnector;

  constructor(resources: Resources, readEnv: ReadEnv) {
    this.#resources = resources;
    this.#readEnv = readEnv;
    this.#reconnector = new Reconnector({
      pool: resources.pool,
      clock: resources.clock,
      log: logger("wiring"),
      readNetwork: readNetworkState,
      watchWaking: watchSystemWaking,
    });
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
      const { fileSystem, listings } = await createFileSystem(config, watched, this.#resources);
      // S3 is asked while the folder is being mounted: by what the first lookup would ask.
      const greeting = config.attributes === "full"
        ? monitor.greet()
        : monitor.greet((signal) => listings.firstPage.take("", store.firstPage(signal)));
      served = await this.#mount(config, listings, { fileSystem, store, monitor }, signal);
      const refusal = await greeting;
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

  async #mount(
    config: MountConfig,
    listings: DirectoryListings,
    parts: Pick<ServedMountParts, "fileSystem" | "store" | "monitor">,
    signal: AbortSignal,
  ): Promise<ServedMount> {
    const { clock, pool, disk } = this.#resources;
    const { fileSystem, store, monitor } = parts;
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
        },
        signal,
      );
    } catch (error) {
      await fileSystem.close();
      throw error;
    }
    fileSystem.setNotifier(mount.notifier);
    const connected = this.#reconnector.add({ store, monitor, fileSystem });
    const reconfigure = (config: MountConfig) => {
      listings.setTtl(config.metadataTtlMs);
      disk?.cache.setShare(volumeOf(config), config.cacheSizeBytes ?? Infinity);
    };
    return new ServedMount({ mount, connected, clock, reconfigure, ...parts });
  }
}
