/**
 * A file system over a real S3 server, by real connections through a proxy that fails, in time that runs
 * faster: everything of a mount but the kernel.
 */
import { logger } from "../../src/base/log.ts";
import { HttpPool } from "../../src/net/http_pool.ts";
import type { NetworkState } from "../../src/net/network_state.ts";
import { type BucketStore, createBucketStore } from "../../src/s3/bucket_store.ts";
import { startS3Server } from "../../src/serve_s3/server.ts";
import { ContactMonitor } from "../../src/wiring/contact_monitor.ts";
import { Reconnector } from "../../src/wiring/reconnector.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault_proxy.ts";
import { MemoryVolume } from "../support/memory_volume.ts";
import { QuickClock } from "../support/quick_clock.ts";
import { createBucket } from "../support/s3_servers.ts";

export const KEYS = {
  accessKeyId: "test-access-key",
  secretAccessKey: "test-secret-key-0123456789",
};
const BUCKET = "bucket";
/** A name that only this world knows. */
const HOST = "s3.example.invalid";
const OPERATION_MS = 30_000;
const NEVER = new AbortController().signal;

export interface WorldOptions {
  /** How much faster time runs. */
  readonly rate: number;
  /** Default: of variables that have the server's keys. */
  readonly readEnv?: (name: string) => string | undefined;
  /** Credentials are those of this profile in the AWS files. */
  readonly profile?: string;
}

export class World implements AsyncDisposable {
  readonly clock: QuickClock;
  readonly proxy: FaultProxy;
  readonly bucket: BucketStore;
  readonly monitor: ContactMonitor;
  readonly volume: MemoryVolume;
  /** The name of the endpoint is not known. */
  isNameLost = false;
  /** Of this machine. */
  network: NetworkState = { fingerprint: "home", addresses: new Set(["127.0.0.1"]) };
  readonly #stack: AsyncDisposableStack;
  readonly #direct: BucketStore;

  static async start(options: WorldOptions): Promise<World> {
    const stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "cloudmount-network-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const server = await startS3Server({ directory, ...KEYS });
    stack.defer(() => server.close());
    await createBucket({ url: server.url, ...KEYS }, BUCKET);
    const proxy = await startFaultProxy(server.url);
    stack.defer(() => proxy.close());
    return new World(stack, server.url, proxy, options);
  }

  private constructor(
    stack: AsyncDisposableStack,
    serverUrl: string,
    proxy: FaultProxy,
    options: WorldOptions,
  ) {
    const clock = new QuickClock(options.rate);
    this.#stack = stack;
    this.clock = clock;
    this.proxy = proxy;
    const pool = new HttpPool({
      maxConnections: 32,
      clock,
      resolve: () =>
        this.isNameLost ? Promise.reject(new Error("no answer")) : Promise.resolve(["127.0.0.1"]),
    });
    const readEnv = (name: string) => name === "ID" ? KEYS.accessKeyId : KEYS.secretAccessKey;
    const credentials = { kind: "env", accessKeyIdEnv: "ID", secretAccessKeyEnv: "KEY" } as const;
    const common = { bucket: BUCKET, prefix: "", requesterPays: false, region: "us-east-1" };
    this.bucket = createBucketStore({
      ...common,
      endpoint: proxy.url.replace("127.0.0.1", HOST),
      pathStyle: true,
      ...(options.profile === undefined ? { credentials } : {
        credentials: { kind: "chain" },
        profile: options.profile,
      }),
      readEnv: options.readEnv ?? readEnv,
      clock,
    }, pool);
    const directPool = new HttpPool({ maxConnections: 8 });
    const direct = { ...common, endpoint: serverUrl, credentials, readEnv };
    this.#direct = createBucketStore(direct, directPool);
    this.monitor = new ContactMonitor({
      probe: (signal) => this.bucket.probe(signal),
      sinceContactMs: () => this.bucket.stats.sinceContactMs(),
      hasNewCredentials: () => this.bucket.hasNewCredentials(),
      onRegained: () => this.volume.fs.retryUploads(),
      clock,
      log: logger("test"),
    });
    this.volume = new MemoryVolume({
      sees: this.monitor.watched(this.bucket.store),
      clock,
      durability: "journal",
      operationTimeoutMs: clock.realMs(OPERATION_MS),
    });
    const reconnector = new Reconnector({
      pool,
      clock,
      log: logger("test"),
      readNetwork: () => Promise.resolve(this.network),
      watchWaking: () => Promise.resolve(),
    });
    reconnector.add({ store: this.bucket, monitor: this.monitor, fileSystem: this.volume.fs });
    stack.defer(() => {
      this.#direct.close();
      directPool.close();
      this.bucket.close();
      pool.close();
    });
    stack.defer(() => this.monitor.close());
    stack.use(this.volume);
    stack.defer(() => reconnector.close());
  }

  /** Puts an object there, past all faults. */
  async put(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#direct.store.put(key, bytes, {}, NEVER);
  }

  /** What S3 has, past all faults. */
  async object(key: string): Promise<Uint8Array> {
    const body = await this.#direct.store.get(key, {}, NEVER);
    return await body.read(new Uint8Array(body.info.size));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.setFaults({});
    this.isNameLost = false;
    await this.#stack.disposeAsync();
  }
}
