/** A daemon with many mounts, whose endpoint is a process that misbehaves. */
import { DAEMON_VARIABLES } from "../../src/cli/program_command.ts";
import { ControlClient } from "../../src/control/client.ts";
import type { StatusDocument } from "../../src/control/protocol.ts";
import { OtherClient } from "../support/mount_client.ts";
import { PROGRAM, startServer } from "../support/mount_servers.ts";
import { eventually, run } from "../support/mount_programs.ts";
import type { TestS3Server } from "../support/s3_servers.ts";

const ENDPOINT = new URL("./faulty_endpoint.ts", import.meta.url).pathname;
const START_SECONDS = 60;

/** A turn of the endpoint: since when (seconds of the wall clock), and what it does wrong, if anything. */
export interface Turn {
  readonly at: number;
  readonly faults: string | null;
}

export class DaemonUnderLoad implements AsyncDisposable {
  readonly turns: Turn[] = [];
  readonly folder: string;
  readonly #server: TestS3Server;
  readonly #endpoint: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #mounts: number;
  #daemon: Deno.ChildProcess | undefined;
  #url = "";

  /** With buckets bucket0, bucket1 ... mounted; nothing goes wrong yet. */
  static async start(mounts: number, seed: number): Promise<DaemonUnderLoad> {
    const server = await startServer("serve-s3");
    const folder = await Deno.makeTempDir({ prefix: "cloudmount-load-" });
    const started = new DaemonUnderLoad(server, folder, mounts, seed);
    try {
      await started.#start();
      return started;
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(server: TestS3Server, folder: string, mounts: number, seed: number) {
    this.#server = server;
    this.folder = folder;
    this.#mounts = mounts;
    this.#endpoint = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", ENDPOINT, server.url, String(seed)],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#input = this.#endpoint.stdin.getWriter();
  }

  /** The last lines of the log. */
  async lastWords(): Promise<string> {
    const log = await Deno.readTextFile(`${this.folder}/state/logs/cloudmount.log`);
    return log.trimEnd().split("\n").slice(-15).join("\n").slice(-6000);
  }

  /** The mount points. */
  get paths(): string[] {
    return this.#names().map((name) => `${this.folder}/mnt/${name}`);
  }

  /** A bucket as another client sees it, past all faults. */
  other(mount: number): OtherClient {
    return new OtherClient(this.#server, this.#names()[mount]!);
  }

  async status(): Promise<StatusDocument> {
    using client = new ControlClient(`${this.folder}/control.sock`);
    return await client.status(AbortSignal.timeout(30_000));
  }

  get pid(): number {
    return this.#daemon!.pid;
  }

  /** Begins, or ends for good, with what goes wrong. */
  async tell(what: "faults" | "calm"): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${what}\n`));
  }

  /** Stops it as a person does. */
  async stop(): Promise<void> {
    using client = new ControlClient(`${this.folder}/control.sock`);
    await client.shutdown({ timeoutMs: 60_000, force: false }, AbortSignal.timeout(60_000));
    const { code } = await this.#daemon!.status;
    this.#daemon = undefined;
    if (code !== 0) throw new Error(`The daemon ended with code ${code}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon !== undefined) {
      this.#daemon.kill("SIGKILL");
      await this.#daemon.status;
    }
    for (const path of this.paths) await run("umount", ["-l", path]);
    await this.#input.close().catch(() => {});
    this.#endpoint.kill("SIGKILL");
    await this.#endpoint.status;
    await this.#server[Symbol.asyncDispose]();
    const table = await Deno.readTextFile("/proc/self/mountinfo");
    if (table.includes(this.folder)) throw new Error(`Still mounted: ${this.folder}`);
    await Deno.remove(this.folder, { recursive: true });
  }

  async #start(): Promise<void> {
    for (const name of this.#names()) await this.#server.createBucket(name);
    void this.#readEndpoint();
    await eventually("the endpoint is there", () => Promise.resolve(this.#url !== ""), 30);
    const config = `${this.folder}/cloudmount.toml`;
    await Deno.writeTextFile(config, this.#config(), { mode: 0o600 });
    const { accessKeyId, secretAccessKey } = this.#server;
    this.#daemon = new Deno.Command(Deno.execPath(), {
      args: [...PROGRAM, "run", "--config", config],
      env: {
        ...DAEMON_VARIABLES,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const isMounted = async () => {
      const status = await this.status().catch(() => undefined);
      return status?.mounts.every(({ state }) => state === "mounted") === true;
    };
    await eventually("all is mounted", isMounted, START_SECONDS);
  }

  async #readEndpoint(): Promise<void> {
    let rest = "";
    for await (const text of this.#endpoint.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const said = JSON.parse(line);
        if (typeof said.url === "string") this.#url = said.url;
        else this.turns.push({ at: Date.now() / 1000, faults: said.faults });
      }
    }
  }

  #names(): string[] {
    return Array.from({ length: this.#mounts }, (_, index) => `bucket${index}`);
  }

  #config(): string {
    const mounts = this.#names().map((name) =>
      `[[mount]]\nname = "${name}"\nbucket = "${name}"\nmount_point = "${this.folder}/mnt/${name}"\n`
    );
    return `[daemon]
state_dir = "${this.folder}/state"
cache_dir = "${this.folder}/cache"
socket = "${this.folder}/control.sock"
memory_limit = "128MiB"
cache_size = "1GiB"

[defaults]
region = "us-east-1"
path_style = true
endpoint = "${this.#url}"
metadata_ttl = "20s"

${mounts.join("\n")}`;
  }
}
