/**
 * A mount whose endpoint fails on demand. The proxy runs in this process, which therefore uses the mounts
 * through other processes only: a synchronous call, and `close` of a file is one, would wait for itself.
 */
import { type FaultProxy, type Faults, startFaultProxy } from "./fault_proxy.ts";
import {
  type MountedBuckets,
  type MountedOptions,
  withMountedBuckets,
  withTwoMachines,
} from "./mount_daemon.ts";

/** Reading goes on, nothing is changed in S3. */
export const NO_UPLOADS: Faults = {
  rules: ["PUT", "POST", "DELETE"].map((method) => ({ fault: { kind: "slow_down" }, method })),
};

/** Runs a test with a proxy in front of alpha; beta goes straight to the server. */
export async function withFaults(
  use: (mounted: MountedBuckets, proxy: FaultProxy) => Promise<void>,
  options: MountedOptions = {},
  seed = 1,
): Promise<void> {
  await using guard = new ProxyOfAlpha(seed);
  const endpoint = guard.endpoint;
  await withMountedBuckets((mounted) => use(mounted, guard.proxy), { ...options, endpoint });
}

/** Two machines, of which the first has the proxy in its way. */
export async function withTravellingMachine(
  use: (here: MountedBuckets, there: MountedBuckets, proxy: FaultProxy) => Promise<void>,
  options: MountedOptions = {},
): Promise<void> {
  await using guard = new ProxyOfAlpha(1);
  await withTwoMachines((here, there) => use(here, there, guard.proxy), {
    here: { ...options, endpoint: guard.endpoint },
    there: options,
  });
}

class ProxyOfAlpha implements AsyncDisposable {
  readonly #seed: number;
  #proxy: FaultProxy | undefined;

  constructor(seed: number) {
    this.#seed = seed;
  }

  get proxy(): FaultProxy {
    return this.#proxy!;
  }

  readonly endpoint = async (bucket: string, url: string): Promise<string> => {
    if (bucket !== "alpha") return url;
    this.#proxy = await startFaultProxy(url, { seed: this.#seed });
    return this.#proxy.url;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#proxy?.close();
  }
}
