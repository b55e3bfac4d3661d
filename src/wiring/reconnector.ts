/** Puts all mounts of a process back in touch with S3 after sleep or a change of the network. */
import type { HttpPool } from "../net/http_pool.ts";
import type { BucketStore } from "../s3/bucket_store.ts";
import type { S3FileSystem } from "../vfs/s3_file_system.ts";
import type { ContactMonitor } from "./contact_monitor.ts";
import {
  type Disruption,
  DisruptionWatch,
  type DisruptionWatchOptions,
} from "./disruption_watch.ts";

/** What of a mount is told. */
export interface ConnectedMount {
  readonly store: Pick<BucketStore, "keepFresh">;
  readonly monitor: Pick<ContactMonitor, "check">;
  readonly fileSystem: Pick<S3FileSystem, "expireNames">;
}

export type ReconnectorOptions =
  & Omit<DisruptionWatchOptions, "onDisruption" | "onBeat">
  & { readonly pool: Pick<HttpPool, "dropIdleConnections" | "breakExchanges"> };

export class Reconnector {
  readonly #pool: ReconnectorOptions["pool"];
  readonly #mounts = new Set<ConnectedMount>();
  readonly #watch: DisruptionWatch;

  constructor(options: ReconnectorOptions) {
    this.#pool = options.pool;
    this.#watch = new DisruptionWatch({
      ...options,
      onDisruption: (disruption) => this.#reconnect(disruption),
      onBeat: () => {
        for (const { store } of this.#mounts) store.keepFresh();
      },
    });
  }

  /** Looks after a mount until what it returns is disposed of. */
  add(mount: ConnectedMount): Disposable {
    this.#mounts.add(mount);
    return { [Symbol.dispose]: () => this.#mounts.delete(mount) };
  }

  close(): Promise<void> {
    return this.#watch.close();
  }

  /**
   * Requests that wait for an answer which can never come are repeated at once, on new connections. The
   * probe of each mount finds out whether S3 is in reach, credentials are valid, and the clock is right.
   */
  #reconnect({ isTimeBroken, network }: Disruption): void {
    this.#pool.dropIdleConnections();
    this.#pool.breakExchanges((address) =>
      isTimeBroken || (address !== undefined && !network.addresses.has(address))
    );
    for (const { monitor, fileSystem } of this.#mounts) {
      monitor.check();
      if (isTimeBroken) fileSystem.expireNames();
    }
  }
}
