/** Real daemons, and an S3 server for them, in processes of their own, on a temporary directory. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/base/clock.ts";
import { ControlClient } from "../../src/control/client.ts";
import type { MountStatus, StatusDocument } from "../../src/control/protocol.ts";
import { Buckets } from "../../src/serve_s3/store/buckets.ts";
import { calm } from "./fake_backend.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
const KEYS = { accessKeyId: "test", secretAccessKey: "test-secret" };
/** Longer than anything here takes on a busy machine; only a failure waits for it. */
const PATIENCE_MS = 30_000;

/** Says why tests with real mounts cannot run here; undefined when they can. */
export function whyNoMounts(): string | undefined {
  try {
    Deno.openSync("/dev/fuse", { read: true, write: true }).close();
    return undefined;
  } catch (error) {
    return `/dev/fuse cannot be opened: ${error}`;
  }
}

export interface RigServer {
  readonly url: string;
  /** Ends it as a crash does. Safe to repeat. */
  close(): Promise<void>;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class DaemonRig {
  readonly directory: string;
  readonly server: RigServer;
  readonly #daemons: Deno.ChildProcess[] = [];

  private constructor(directory: string, server: RigServer) {
    this.directory = directory;
    this.server = server;
  }

  /** With the buckets `one` and `two`; the config mounts what `mounts` says (default: both). */
  static async create(
    mounts: (rig: { endpoint: string; directory: string }) => string = ({ endpoint, directory }) =>
      mountTable("one", endpoint, directory) + mountTable("two", endpoint, directory),
  ): Promise<DaemonRig> {
    const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "daemon-test-" }));
    const server = await startServer(`${directory}/s3`, 0);
    const rig = new DaemonRig(directory, server);
    await rig.writeConfig(mounts({ endpoint: server.url, directory }));
    return rig;
  }

  get configPath(): string {
    return `${this.directory}/cloudmount.toml`;
  }

  get socket(): string {
    return `${this.directory}/control.sock`;
  }

  mountPoint(name: string): string {
    return `${this.directory}/mnt/${name}`;
  }

  /** Another S3 server with the same buckets, empty. */
  startServerAt(port: number): Promise<RigServer> {
    return startServer(`${this.directory}/s3-${port}`, port);
  }

  async writeConfig(mounts: string): Promise<void> {
    await Deno.writeTextFile(
      this.configPath,
      `[daemon]\nstate_dir = "${this.directory}/state"\ncache_dir = "${this.directory}/cache"\nsocket = "${this.socket}"\n\n${mounts}`,
    );
  }

  /** `cloudmount run` in a process of its own. */
  spawnRun(configPath: string = this.configPath): Deno.ChildProcess {
    const child = this.#command(["run", "--config", configPath]).spawn();
    this.#daemons.push(child);
    return child;
  }

  /** Runs it, and waits until it printed that it is ready. */
  async run(): Promise<Deno.ChildProcess> {
    const child = this.spawnRun();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("ready")) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`The daemon ended: ${await new Response(child.stderr).text()}`);
      text += value;
    }
    void (async () => {
      while (!(await reader.read()).done);
    })().catch(() => {});
    return child;
  }

  /** Runs a command to its end, like a user. */
  async cli(...args: string[]): Promise<CommandResult> {
    const output = await this.#command([...args, "--config", this.configPath]).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  }

  async status(): Promise<StatusDocument> {
    using client = new ControlClient(this.socket);
    return await client.status(calm());
  }

  /** Waits until `holds` of the mount's status. */
  async waitFor(name: string, holds: (mount: MountStatus) => boolean): Promise<MountStatus> {
    return await eventually(async () => {
      const mount = (await this.status()).mounts.find((mount) => mount.name === name)!;
      return holds(mount) ? mount : undefined;
    }, `mount ${name}`);
  }

  /** Opens a file, ends the S3 server, writes "x" into the file and closes it: the upload is pending then. */
  async writeWhileServerIsAway(
    mount: string,
    name: string,
  ): Promise<{ end(): Promise<void> }> {
    // By another process: with durability "remote" the close lasts until somebody gives up.
    const writing = new Deno.Command("sh", {
      args: [
        "-c",
        'exec 3>"$0"; echo open; read go; echo x >&3',
        `${this.mountPoint(mount)}/${name}`,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const said = writing.stdout.getReader();
    await said.read();
    await this.server.close();
    await writing.stdin.close();
    await this.waitFor(mount, ({ uploads }) => uploads.pending_bytes > 0);
    return {
      end: async () => {
        await said.cancel();
        await writing.status;
      },
    };
  }

  /** The type of the file system at the mount point, "" when nothing is mounted there. */
  async mountedAs(name: string): Promise<string> {
    for (const line of (await Deno.readTextFile("/proc/self/mounts")).split("\n")) {
      const [, path, type = ""] = line.split(" ");
      if (path === this.mountPoint(name)) return type;
    }
    return "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { daemon } = await this.#backgroundPid();
    for (const child of this.#daemons) await end(child);
    if (daemon !== undefined) await new Deno.Command("kill", { args: ["-9", daemon] }).output();
    for (const name of await this.#mountNames()) {
      await new Deno.Command("umount", { args: ["-l", this.mountPoint(name)] }).output();
    }
    await this.server.close();
    await Deno.remove(this.directory, { recursive: true });
  }

  #command(args: readonly string[]): Deno.Command {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", MAIN, ...args],
      env: {
        TEST_KEY: KEYS.accessKeyId,
        TEST_SECRET: KEYS.secretAccessKey,
        NO_COLOR: "1",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** The pid of a daemon that answers still, started by `cloudmount start`. */
  async #backgroundPid(): Promise<{ daemon: string | undefined }> {
    try {
      return { daemon: String((await this.status()).pid) };
    } catch {
      return { daemon: undefined };
    }
  }

  async #mountNames(): Promise<string[]> {
    const names = [];
    for (const line of (await Deno.readTextFile("/proc/self/mounts")).split("\n")) {
      const path = line.split(" ")[1] ?? "";
      if (path.startsWith(`${this.directory}/mnt/`)) names.push(path.split("/").at(-1)!);
    }
    return names;
  }
}

/**
 * An S3 server in a process of its own: before Deno 2.9 an asynchronous open(2) of a file in a mount
 * keeps the whole process waiting, and the mount may be waiting for S3.
 */
async function startServer(directory: string, port: number): Promise<RigServer> {
  await Deno.mkdir(directory);
  const buckets = await Buckets.load(directory, systemClock);
  for (const bucket of ["one", "two"]) buckets.create(bucket);
  const { accessKeyId, secretAccessKey } = KEYS;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", MAIN, "serve-s3", directory, "--json", "--port", `${port}`],
      ...["--access-key", accessKeyId, "--secret-key", secretAccessKey],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  while (!said.includes("\n}")) {
    const { value, done } = await reader.read();
    assert.ok(!done, `serve-s3 ended: ${said}`);
    said += value;
  }
  let closed = false;
  return {
    url: JSON.parse(said).url,
    close: async () => {
      if (closed) return;
      closed = true;
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
    },
  };
}

/** A `[[mount]]` of the bucket with the mount's name. */
export function mountTable(
  name: string,
  endpoint: string,
  directory: string,
  more = "",
): string {
  return `[[mount]]
name = "${name}"
bucket = "${name}"
mount_point = "${directory}/mnt/${name}"
endpoint = "${endpoint}"
region = "us-east-1"
path_style = true
credentials = { access_key_id_env = "TEST_KEY", secret_access_key_env = "TEST_SECRET" }
${more}
`;
}

/** Calls `attempt` until it gives something, for at most half a minute. */
export async function eventually<T>(
  attempt: () => Promise<T | undefined>,
  what: string,
): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  while (performance.now() < untilMs) {
    const result = await attempt();
    if (result !== undefined) return result;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`${what} did not come about within ${PATIENCE_MS / 1000} s`);
}

/** Ends a child whatever state it is in. */
async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
  await child.status;
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream.locked) await stream.cancel();
  }
}
