/** A user who installs the agent: a home, a systemd manager, an S3 server with a bucket, and this program. */
import { fileURLToPath } from "node:url";
import { ControlClient } from "../../src/control/client.ts";
import type { StatusDocument } from "../../src/control/protocol.ts";
import { Dialogue } from "../support/dialogue.ts";
import { OtherClient } from "../support/mount_client.ts";
import { eventually, type Finished, run, succeed } from "../support/mount_programs.ts";
import { startServer } from "../support/mount_servers.ts";
import type { TestS3Server } from "../support/s3_servers.ts";
import type { UserManager } from "../support/user_manager.ts";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));
export const UNIT = "cloudmount.service";
/** Instead of the minute of the unit, so that a test need not wait for it. */
const WATCHDOG_SECONDS = 3;

export class AgentRig implements AsyncDisposable {
  readonly manager: UserManager;
  readonly bucket: OtherClient;
  readonly #server: TestS3Server;

  private constructor(manager: UserManager, server: TestS3Server) {
    this.manager = manager;
    this.#server = server;
    this.bucket = new OtherClient(server, "photos");
  }

  static async create(manager: UserManager): Promise<AgentRig> {
    const server = await startServer();
    await server.createBucket("photos");
    const { home } = manager;
    const rig = new AgentRig(manager, server);
    await Deno.mkdir(`${home}/.aws`);
    await Deno.writeTextFile(
      `${home}/.aws/credentials`,
      `[default]\naws_access_key_id = ${server.accessKeyId}\naws_secret_access_key = ${server.secretAccessKey}\n`,
    );
    await Deno.writeTextFile(
      `${home}/.config/cloudmount.toml`,
      `[[mount]]
name = "photos"
bucket = "photos"
mount_point = "${rig.mountPoint}"
endpoint = "${server.url}"
region = "us-east-1"
path_style = true
`,
    );
    await Deno.mkdir(`${rig.unitPath}.d`);
    await Deno.writeTextFile(
      `${rig.unitPath}.d/watchdog.conf`,
      `[Service]\nWatchdogSec=${WATCHDOG_SECONDS}\n`,
    );
    await Deno.mkdir(`${home}/bin`);
    await rig.useBuild("one");
    return rig;
  }

  get mountPoint(): string {
    return `${this.manager.home}/CloudMount/photos`;
  }

  get unitPath(): string {
    return `${this.manager.home}/.config/systemd/user/${UNIT}`;
  }

  /** The executable that runs the program; the agent is to run it by its path. */
  get executable(): string {
    return `${this.manager.home}/bin/deno`;
  }

  /** Puts another build in the place of the executable, by renaming, as an update does. */
  async useBuild(name: string): Promise<void> {
    const next = `${this.executable}.new`;
    await Deno.copyFile(Deno.execPath(), next);
    // What follows the sections of an ELF file is not looked at.
    await Deno.writeTextFile(next, name, { append: true });
    await Deno.rename(next, this.executable);
  }

  /** A command of the program, as its user types it. */
  cli(...args: readonly string[]): Promise<Finished> {
    return this.manager.run(this.executable, ["run", "-A", "--no-check", MAIN, ...args]);
  }

  /** The same; its JSON. Throws unless it ends with 0. */
  async json<T>(...args: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.cli(...args, "--json");
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  async status(): Promise<StatusDocument> {
    using client = new ControlClient(`${this.manager.home}/run/cloudmount/control.sock`);
    return await client.status(AbortSignal.timeout(10_000));
  }

  property(name: string): Promise<string> {
    return this.manager.property(UNIT, name);
  }

  async pid(): Promise<number> {
    return Number(await this.property("MainPID"));
  }

  /** The text of a file in the mount, read by another process. */
  async read(name: string): Promise<string> {
    return await succeed("cat", [`${this.mountPoint}/${name}`]);
  }

  async isMounted(): Promise<boolean> {
    return await this.mountId() !== undefined;
  }

  /** Another one for each mount at the mount point. */
  async mountId(): Promise<string | undefined> {
    const table = await Deno.readTextFile("/proc/self/mountinfo");
    return table.split("\n").map((line) => line.split(" "))
      .find((fields) => fields[4] === this.mountPoint)?.[0];
  }

  /** Somebody who stands in the folder with a file open. */
  useFolder(): FolderUser {
    return new FolderUser(this.mountPoint);
  }

  /** Waits until another process than `pid` serves the mount. */
  async replaced(pid: number): Promise<number> {
    let now = pid;
    await eventually(`another process than ${pid} is ready`, async () => {
      now = await this.pid();
      return now !== pid && now > 0 && await this.property("ActiveState") === "active";
    });
    return now;
  }

  /** The daemon's last words. */
  async lastWords(): Promise<string> {
    const path = `${this.manager.home}/.local/state/cloudmount/logs/cloudmount.log`;
    const log = await Deno.readTextFile(path).catch(() => "(there is no log)");
    return log.trimEnd().split("\n").slice(-15).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.bucket[Symbol.dispose]();
    await this.manager.systemctl("stop", UNIT);
    if (await this.isMounted()) await run("umount", ["-l", this.mountPoint]);
    if (await this.isMounted()) throw new Error(`Cannot clean up: ${this.mountPoint} is mounted`);
    await this.#server[Symbol.asyncDispose]();
  }
}

class FolderUser implements AsyncDisposable {
  readonly #shell: Dialogue;

  constructor(folder: string) {
    const script =
      'cd "$0" && exec 3< hello.txt && while read -r; do cat /proc/self/fd/3 && ls && echo; done';
    this.#shell = new Dialogue("bash", ["-c", script, folder]);
  }

  /** Reads the file, and the names. */
  async looks(): Promise<void> {
    const said = await this.#shell.ask("", "\n\n");
    if (!said.startsWith("hello")) throw new Error(`Who uses the folder saw: ${said}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shell[Symbol.asyncDispose]();
  }
}
