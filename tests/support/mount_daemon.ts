/**
 * A daemon for tests: `cloudmount run` as a child process, with two buckets of a real S3 server mounted
 * at temporary places. Whatever happens, nothing is left: process, mounts, files.
 */
import { ControlClient } from "../../src/control/client.ts";
import type { MountStatus, RequestCounts, StatusDocument } from "../../src/control/protocol.ts";
import type { RequestCounts as RequestCounter } from "../../src/serve_s3/request_counts.ts";
import { whyNoMount } from "./fuse_mounts.ts";
import { OtherClient } from "./mount_client.ts";
import { eventually, type Finished, missingPrograms, run, succeed } from "./mount_programs.ts";
import { type CountingServer, PROGRAM, type ServerKind, startServer } from "./mount_servers.ts";
import type { TestS3Server } from "./s3_servers.ts";

const READY_SECONDS = 60;

export const BUCKETS = ["alpha", "beta"] as const;
export type BucketName = typeof BUCKETS[number];

export interface MountedOptions {
  /** Default: "real". */
  readonly server?: ServerKind;
  /** The state directory is a file system of its own, of so many bytes. */
  readonly stateBytes?: number;
  /** Lines of [daemon]. */
  readonly daemon?: string;
  /**
   * Lines of [defaults]; metadata_ttl is 60 s if not said. Not said, durability and fsync are "remote":
   * most tests look into S3 as soon as close or fsync has returned.
   */
  readonly defaults?: string;
  /** Lines of a bucket's [[mount]]. */
  readonly mounts?: Partial<Record<BucketName, string>>;
  /**
   * The mounts outlive the daemon, as with `cloudmount start`: another one goes on with them, but for so
   * many crashes within a minute.
   */
  readonly crashesMax?: number;
  /** Puts something between the daemon and the server, for one bucket; returns its URL. */
  readonly endpoint?: (bucket: BucketName, url: string) => Promise<string>;
}

/**
 * A test that needs root, /dev/fuse, Python, which plays hostile programs, and the named programs;
 * without them it is skipped and says so.
 */
export function mountTest(
  name: string,
  test: () => Promise<void>,
  programs: readonly string[] = [],
): void {
  const missing = missingPrograms(["python3", ...programs]);
  const reason = whyNoMount() ??
    (missing.length > 0 ? `there is no ${missing.join(", no ")}` : undefined);
  // At once: what a running test prints is not shown with --quiet.
  if (reason !== undefined) {
    Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${name}: ${reason}\n`));
  }
  Deno.test({ name, ignore: reason !== undefined, fn: test });
}

/** Runs `use` with both buckets mounted; the end of the daemon must be an orderly one. */
export async function withMountedBuckets(
  use: (mounted: MountedBuckets) => Promise<void>,
  options: MountedOptions = {},
): Promise<void> {
  await using server = await startServer(options.server);
  for (const bucket of BUCKETS) await server.createBucket(bucket);
  await withMachine(server, use, options);
}

/**
 * Two daemons, each with a state directory and mounts of its own: as two machines that have mounted the
 * same buckets.
 */
export async function withTwoMachines(
  use: (here: MountedBuckets, there: MountedBuckets) => Promise<void>,
  options: { readonly here?: MountedOptions; readonly there?: MountedOptions },
): Promise<void> {
  await using server = await startServer();
  for (const bucket of BUCKETS) await server.createBucket(bucket);
  const { here = {}, there = {} } = options;
  await withMachine(server, (one) => withMachine(server, (two) => use(one, two), there), here);
}

async function withMachine(
  server: TestS3Server,
  use: (mounted: MountedBuckets) => Promise<void>,
  options: MountedOptions,
): Promise<void> {
  const endpoints = new Map<BucketName, string>();
  for (const bucket of BUCKETS) {
    endpoints.set(bucket, await options.endpoint?.(bucket, server.url) ?? server.url);
  }
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloudmount-mount-" }));
  const mounted = new MountedBuckets(server, endpoints, folder, options);
  try {
    await Deno.mkdir(`${folder}/state`);
    if (options.stateBytes !== undefined) {
      const size = `size=${options.stateBytes}`;
      await succeed("mount", ["-t", "tmpfs", "-o", size, "none", `${folder}/state`]);
    }
    await mounted.start();
    await use(mounted);
    await mounted.stop();
  } catch (error) {
    throw new Error(`Failed; the daemon's last words:\n${await mounted.lastWords()}`, {
      cause: error,
    });
  } finally {
    await mounted.clean();
  }
}

export class MountedBuckets {
  readonly server: TestS3Server;
  /** Of this daemon alone; anything put here is removed at the end. */
  readonly folder: string;
  readonly #endpoints: ReadonlyMap<BucketName, string>;
  readonly #options: MountedOptions;
  readonly #clients = new Map<BucketName, OtherClient>();
  #child: Deno.ChildProcess | undefined;
  #output: Promise<unknown> | undefined;

  constructor(
    server: TestS3Server,
    endpoints: ReadonlyMap<BucketName, string>,
    folder: string,
    options: MountedOptions,
  ) {
    this.server = server;
    this.#endpoints = endpoints;
    this.folder = folder;
    this.#options = options;
  }

  /** The mount point of a bucket. */
  path(bucket: BucketName = "alpha"): string {
    return `${this.#mnt}/${bucket}`;
  }

  get #mnt(): string {
    return `${this.folder}/mnt`;
  }

  /** The bucket as another S3 client sees it. */
  other(bucket: BucketName = "alpha"): OtherClient {
    let client = this.#clients.get(bucket);
    if (client === undefined) {
      client = new OtherClient(this.server, bucket);
      this.#clients.set(bucket, client);
    }
    return client;
  }

  /** What the server received; only of a "counted" server, which is used by child processes alone. */
  get serverCounts(): RequestCounter | undefined {
    return "counts" in this.server ? (this.server as CountingServer).counts : undefined;
  }

  /** What the aws command line needs to use the server. */
  awsEnvironment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: this.server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.server.secretAccessKey,
      AWS_REGION: "us-east-1",
      AWS_ENDPOINT_URL: this.server.url,
      AWS_CONFIG_FILE: "/dev/null",
    };
  }

  get pid(): number {
    if (this.#child === undefined) throw new Error("The daemon does not run");
    return this.#child.pid;
  }

  /** Resolves when both mounts are there; the endpoint of those `offline` need not answer. */
  async start({ offline = [] }: { readonly offline?: readonly BucketName[] } = {}): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/cloudmount.toml`, this.#config(), { mode: 0o600 });
    const { crashesMax } = this.#options;
    const words = crashesMax === undefined
      ? ["run"]
      : ["supervise", `${this.folder}/holder.lock`, String(crashesMax), "run"];
    const child = this.#spawn(words);
    this.#child = child;
    const errors = new Response(child.stderr).text();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const limit = setTimeout(() => child.kill("SIGKILL"), READY_SECONDS * 1000);
    let said = "";
    try {
      while (!/is ready[^]*\n[^]*\n[^]*\n/.test(said)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`The daemon ended before it was ready: ${said}${await errors}`);
        said += value;
      }
    } finally {
      clearTimeout(limit);
    }
    const drain = async () => {
      while (!(await reader.read()).done);
    };
    this.#output = Promise.all([drain(), errors]);
    for (const bucket of BUCKETS) {
      const { state, error } = await this.status(bucket);
      const good = state === "mounted" || (state === "degraded" && offline.includes(bucket));
      if (!good) throw new Error(`${bucket} is ${state}: ${error?.message}`);
    }
  }

  /** Stops the daemon as a user does: uploads are drained, mounts gone, exit code 0. */
  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    using client = this.#control();
    await client.shutdown({ timeoutMs: 60_000, force: false }, AbortSignal.timeout(60_000));
    await this.ended();
  }

  /** Resolves when the daemon, told to stop, has ended in order. */
  async ended(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const { code } = await this.#ended(child, 20);
    await this.#output;
    this.#child = undefined;
    if (code !== 0) throw new Error(`The daemon ended with code ${code}`);
    const left = (await this.#mountPoints()).filter((path) => path.startsWith(this.#mnt));
    if (left.length > 0) throw new Error(`The daemon left mounts behind: ${left.join(", ")}`);
  }

  /** Ends the daemon with SIGKILL; its mounts are left, dead. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    // First who would start another one.
    for (const pid of [child.pid, ...await childrenOf(child.pid)]) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    await child.status;
    await this.#output?.catch(() => {});
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** One mount as `status --json` tells it. */
  async status(bucket: BucketName = "alpha"): Promise<MountStatus> {
    return (await this.statusDocument()).mounts.find(({ name }) => name === bucket)!;
  }

  async statusDocument(): Promise<StatusDocument> {
    using client = this.#control();
    return await client.status(AbortSignal.timeout(10_000));
  }

  /** The requests that `work` caused. */
  async requests(
    work: () => Promise<unknown>,
    bucket: BucketName = "alpha",
  ): Promise<RequestCounts> {
    const before = (await this.status(bucket)).requests;
    await work();
    const after = (await this.status(bucket)).requests;
    const names = Object.keys(before) as (keyof RequestCounts)[];
    return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<
      keyof RequestCounts,
      number
    >;
  }

  /** A command of the product's, with this daemon's config. */
  command(...args: readonly string[]): Promise<Finished> {
    return run(Deno.execPath(), this.#args(args), { env: this.#environment() });
  }

  /** What other clients wrote is seen when the listing's time to live is over. */
  async seen(path: string): Promise<void> {
    await eventually(`${path} is there`, async () => {
      try {
        await Deno.lstat(path);
        return true;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return false;
        throw error;
      }
    });
  }

  /** The last lines of the log. */
  async lastWords(): Promise<string> {
    try {
      const log = await Deno.readTextFile(`${this.folder}/state/logs/cloudmount.log`);
      return log.trimEnd().split("\n").slice(-15).join("\n").slice(-6000);
    } catch {
      return "(there is no log)";
    }
  }

  /** Ends and removes whatever is left, by force. */
  async clean(): Promise<void> {
    for (const client of this.#clients.values()) client[Symbol.dispose]();
    // Its end also lets go whoever waits for an answer of the mount.
    await this.kill();
    for (const path of await this.#mountPoints()) await run("umount", ["-l", path]);
    // Removing a directory with a live mount in it would empty the bucket.
    const left = await this.#mountPoints();
    if (left.length > 0) throw new Error(`Cannot clean up: still mounted: ${left.join(", ")}`);
    await Deno.remove(this.folder, { recursive: true });
  }

  async #ended(child: Deno.ChildProcess, seconds: number): Promise<Deno.CommandStatus> {
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, seconds * 1000);
    const status = await child.status;
    clearTimeout(limit);
    if (late) throw new Error(`The daemon was still there ${seconds} s after its shutdown`);
    return status;
  }

  async #mountPoints(): Promise<string[]> {
    const table = await Deno.readTextFile("/proc/self/mountinfo");
    return table.split("\n").map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(this.folder)).reverse();
  }

  #control(): ControlClient {
    return new ControlClient(`${this.folder}/control.sock`);
  }

  #args(args: readonly string[]): string[] {
    return [...PROGRAM, ...args, "--config", `${this.folder}/cloudmount.toml`];
  }

  #environment(): Record<string, string> {
    return {
      NO_COLOR: "1",
      AWS_ACCESS_KEY_ID: this.server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.server.secretAccessKey,
    };
  }

  #spawn(args: readonly string[]): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: this.#args(args),
      env: this.#environment(),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  #config(): string {
    const { daemon = "", defaults = "", mounts = {} } = this.#options;
    const blocks = BUCKETS.map((bucket) =>
      [
        "[[mount]]",
        `name = "${bucket}"`,
        `bucket = "${bucket}"`,
        `mount_point = "${this.path(bucket)}"`,
        `endpoint = "${this.#endpoints.get(bucket)}"`,
        mounts[bucket] ?? "",
      ].join("\n")
    );
    const durability = ["durability", "fsync"]
      .filter((key) => !new RegExp(`^${key} `, "m").test(defaults))
      .map((key) => `${key} = "remote"`).join("\n");
    return `[daemon]
state_dir = "${this.folder}/state"
cache_dir = "${this.folder}/cache"
socket = "${this.folder}/control.sock"
${daemon}

[defaults]
region = "us-east-1"
path_style = true
${durability}
${defaults}

${blocks.join("\n\n")}
`;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  return text.split(" ").filter((word) => word !== "").map(Number);
}
