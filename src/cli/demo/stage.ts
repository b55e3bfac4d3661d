/**
 * The demo's stage in a temporary directory: an S3 server and a daemon (with a config, state and socket
 * of its own), each in its own process. This one must be free to use the folders: a call into a mount
 * that waits for this very process to answer, as S3 server or daemon, would wait for ever.
 */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import type { PathEnvironment } from "../../config/paths.ts";
import { readConfig } from "../../config/read_config.ts";
import type { Config } from "../../config/types.ts";
import { ControlClient } from "../../control/client.ts";
import type { StatusDocument } from "../../control/protocol.ts";
import { findMount } from "../../fuse/mount_table.ts";
import { HttpPool } from "../../net/http_pool.ts";
import { type BucketStore, createBucketStore } from "../../s3/bucket_store.ts";
import type { ObjectStore } from "../../s3/object_store.ts";
import { Buckets } from "../../serve_s3/store/buckets.ts";
import {
  type DaemonProcess,
  spawnDaemon,
  waitForDaemon,
  waitUntilGone,
} from "../daemon_process.ts";
import { DEMO_BUCKETS, type DemoBucket } from "./content.ts";
import { type DemoServer, startDemoServer } from "./server.ts";
import { inParallel } from "./steps.ts";

const KEY_VARIABLE = "CLOUDMOUNT_DEMO_ACCESS_KEY_ID";
const SECRET_VARIABLE = "CLOUDMOUNT_DEMO_SECRET_ACCESS_KEY";
/** The two share one server on this machine's two or more cores: more would only queue. */
const UPLOADS_AT_ONCE = 16;

export class DemoStage {
  /** The temporary directory. */
  readonly directory: string;
  readonly #environment: PathEnvironment;
  #server: DemoServer | undefined;
  readonly #pool = new HttpPool({ maxConnections: 2 * UPLOADS_AT_ONCE });
  readonly #stores = new Map<string, BucketStore>();
  #config: Config | undefined;
  #daemon: DaemonProcess | undefined;
  #lost: string | undefined;

  private constructor(directory: string, environment: PathEnvironment) {
    this.directory = directory;
    this.#environment = environment;
  }

  static async create(environment: PathEnvironment): Promise<DemoStage> {
    // realpath: mount tables and configs of macOS disagree about /var and /private/var.
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloudmount-demo-" }));
    return new DemoStage(directory, environment);
  }

  get endpoint(): string {
    return this.#present(this.#server).url;
  }

  get configPath(): string {
    return join(this.directory, "cloudmount.toml");
  }

  /** Which process has ended; undefined while both run. */
  get lostProcess(): string | undefined {
    return this.#lost;
  }

  mountPoint(bucket: string): string {
    return join(this.directory, "mnt", bucket);
  }

  /** The bucket as another S3 client sees it. */
  store(bucket: string): ObjectStore {
    return this.#present(this.#stores.get(bucket)).store;
  }

  async startServer(): Promise<void> {
    const data = join(this.directory, "s3");
    await Deno.mkdir(data, { mode: 0o700 });
    const buckets = await Buckets.load(data, systemClock);
    for (const { name } of DEMO_BUCKETS) buckets.create(name);
    this.#server = await startDemoServer(data);
    void this.#server.exited.then(() => this.#lost = "the S3 server");
    for (const { name } of DEMO_BUCKETS) {
      this.#stores.set(name, this.#openStore(name, this.#server));
    }
  }

  async fill(bucket: DemoBucket, signal: AbortSignal): Promise<void> {
    const store = this.store(bucket.name);
    await inParallel(bucket.objects, UPLOADS_AT_ONCE, async ({ key, contentType, bytes }) => {
      await store.put(key, bytes(), { contentType }, signal);
    });
  }

  /** Starts the daemon; resolves when both buckets are mounted or have failed. */
  async startDaemon(signal: AbortSignal): Promise<StatusDocument> {
    await Deno.writeTextFile(this.configPath, this.#configText(), { mode: 0o600 });
    this.#config = await readConfig(this.configPath, this.#environment);
    this.#daemon = await spawnDaemon(this.#config, {
      [KEY_VARIABLE]: this.#present(this.#server).accessKeyId,
      [SECRET_VARIABLE]: this.#present(this.#server).secretAccessKey,
    });
    void this.#daemon.exited.then(() => this.#lost = "the daemon");
    return await waitForDaemon(this.#config, this.#daemon, signal);
  }

  /** A client of the daemon's control API; dispose of it. */
  control(): ControlClient {
    return new ControlClient(this.#present(this.#config).daemon.socket);
  }

  /** Unmounts everything and ends the daemon, in order. */
  async stopDaemon(signal: AbortSignal): Promise<void> {
    if (this.#daemon === undefined || this.#config === undefined) return;
    using client = this.control();
    await client.shutdown({ timeoutMs: 60_000, force: false }, signal);
    await waitUntilGone(this.#config, signal);
    this.#daemon = undefined;
  }

  /** Ends what still runs, by force where needed, and removes the directory unless it is kept. */
  async close(keep: boolean): Promise<void> {
    await this.#endDaemon();
    for (const store of this.#stores.values()) store.close();
    this.#pool.close();
    await this.#server?.close();
    this.#server = undefined;
    if (keep) return;
    // Removing a directory with a live mount in it would empty the bucket.
    for (const { name } of DEMO_BUCKETS) {
      if (await this.isMounted(name)) await this.#detach(name);
      if (await this.isMounted(name)) {
        throw new Error(
          `Cannot remove "${this.directory}": "${this.mountPoint(name)}" is still mounted. ` +
            `Unmount it with: umount "${this.mountPoint(name)}"`,
        );
      }
    }
    await Deno.remove(this.directory, { recursive: true });
  }

  /** Whether something is mounted on the bucket's folder; a dead mount counts. */
  async isMounted(bucket: string): Promise<boolean> {
    return await findMount(this.mountPoint(bucket)) !== undefined;
  }

  /** Removes the mount of a daemon that was killed. */
  async #detach(bucket: string): Promise<void> {
    const [program, ...flags] = Deno.uid() === 0 ? ["umount", "-l"] : ["fusermount3", "-u", "-z"];
    const args = [...flags, this.mountPoint(bucket)];
    await new Deno.Command(program!, { args, stdout: "null", stderr: "null" }).output();
  }

  async #endDaemon(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    // Two signals: an orderly end that does not wait for uploads.
    const limit = AbortSignal.timeout(20_000);
    try {
      daemon.kill("SIGTERM");
      await this.#waitForExit(daemon, 5_000) || daemon.kill("SIGTERM");
      await waitUntilGone(this.#present(this.#config), limit);
    } catch {
      daemon.kill("SIGKILL");
    }
    await daemon.exited;
    this.#daemon = undefined;
  }

  async #waitForExit(daemon: DaemonProcess, ms: number): Promise<boolean> {
    const limit = AbortSignal.timeout(ms);
    return await Promise.race([
      daemon.exited.then(() => true),
      new Promise<boolean>((resolve) => limit.addEventListener("abort", () => resolve(false))),
    ]);
  }

  #openStore(bucket: string, server: DemoServer): BucketStore {
    const values = new Map([
      [KEY_VARIABLE, server.accessKeyId],
      [SECRET_VARIABLE, server.secretAccessKey],
    ]);
    return createBucketStore({
      bucket,
      prefix: "",
      endpoint: server.url,
      pathStyle: true,
      region: "us-east-1",
      credentials: {
        kind: "env",
        accessKeyIdEnv: KEY_VARIABLE,
        secretAccessKeyEnv: SECRET_VARIABLE,
      },
      requesterPays: false,
      readEnv: (name) => values.get(name),
    }, this.#pool);
  }

  #configText(): string {
    const state = join(this.directory, "state");
    const mounts = DEMO_BUCKETS.map(({ name }) => `
[[mount]]
name = "${name}"
bucket = "${name}"
mount_point = ${JSON.stringify(this.mountPoint(name))}
`);
    return `# Made by "cloudmount demo"; gone when it ends.
[daemon]
state_dir = ${JSON.stringify(state)}
cache_dir = ${JSON.stringify(join(this.directory, "cache"))}
socket = ${JSON.stringify(join(this.directory, "control.sock"))}

[defaults]
endpoint = "${this.endpoint}"
region = "us-east-1"
path_style = true
credentials = { access_key_id_env = "${KEY_VARIABLE}", secret_access_key_env = "${SECRET_VARIABLE}" }
# Short, so that what other clients put into the bucket is soon seen here.
metadata_ttl = "1s"
${mounts.join("")}`;
  }

  #present<T>(value: T | undefined): T {
    if (value === undefined) throw new Error("Cannot use the demo: it has not been started");
    return value;
  }
}
