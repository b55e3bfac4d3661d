/**
 * A `systemd --user` manager of a test's own: its home, its units and its sockets are in a temporary
 * directory, and go with it. It runs also where process 1 is not systemd, as in containers.
 */
import { eventually, type Finished, run } from "./mount_programs.ts";

const SYSTEMD = ["/usr/lib/systemd/systemd", "/lib/systemd/systemd"];
/** The manager refuses to start unless this directory says that systemd rules the machine. */
const BOOTED = "/run/systemd/system";
const STOP_SECONDS = 20;

export class UserManager implements AsyncDisposable {
  readonly home: string;
  readonly #process: Deno.ChildProcess;
  readonly #madeBooted: boolean;

  private constructor(home: string, process: Deno.ChildProcess, madeBooted: boolean) {
    this.home = home;
    this.#process = process;
    this.#madeBooted = madeBooted;
  }

  /** A manager that runs, or the reason why none can be had here. */
  static async start(): Promise<UserManager | string> {
    if (Deno.build.os !== "linux") return "systemd is on Linux only";
    const systemd = SYSTEMD.find(exists);
    if (systemd === undefined) return "systemd is not installed";
    const madeBooted = !exists(BOOTED);
    if (madeBooted && Deno.uid() !== 0) return `${BOOTED} is missing, and making it takes root`;
    if (madeBooted) await Deno.mkdir(BOOTED, { recursive: true });
    const home = await Deno.realPath(await Deno.makeTempDir({ prefix: "cloudmount-user-" }));
    await Deno.mkdir(`${home}/run`, { mode: 0o700 });
    await Deno.mkdir(`${home}/.config/systemd/user`, { recursive: true });
    const process = new Deno.Command(systemd, {
      args: ["--user", "--log-target=null"],
      clearEnv: true,
      env: loginEnvironment(home),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const manager = new UserManager(home, process, madeBooted);
    let ended: number | undefined;
    void process.status.then(({ code }) => ended = code);
    let said = "";
    try {
      await eventually("the user manager answers", async () => {
        const { stdout, stderr } = await manager.systemctl("is-system-running");
        said = stdout.trim() || stderr.trim();
        return ended !== undefined || ["running", "degraded"].includes(said);
      });
      if (ended === undefined) return manager;
      said = `it ended with code ${ended}`;
    } catch {
      // Told below.
    }
    await manager[Symbol.asyncDispose]();
    return `systemd --user does not start: ${said} (Debian: is dbus-user-session installed?)`;
  }

  /** What a login of this manager's user has in its environment, and nothing else. */
  get environment(): Readonly<Record<string, string>> {
    return loginEnvironment(this.home);
  }

  /** Runs a program as a login of this manager's user would. */
  run(program: string, args: readonly string[], seconds = 120): Promise<Finished> {
    const variables = Object.entries(this.environment).map(([name, value]) => `${name}=${value}`);
    return run("env", ["-i", ...variables, program, ...args], { seconds });
  }

  systemctl(...args: readonly string[]): Promise<Finished> {
    return this.run("systemctl", ["--user", "--no-pager", ...args]);
  }

  /** One property of a unit, as `systemctl show` tells it. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.systemctl("show", "--value", `--property=${name}`, unit)).stdout.trim();
  }

  /** Ends the manager, what it has started, and everything below its home. */
  async [Symbol.asyncDispose](): Promise<void> {
    const kill = (signal: Deno.Signal) => {
      try {
        this.#process.kill(signal);
      } catch {
        // It has ended.
      }
    };
    kill("SIGTERM");
    const limit = setTimeout(() => kill("SIGKILL"), STOP_SECONDS * 1000);
    await this.#process.status;
    clearTimeout(limit);
    await Deno.remove(this.home, { recursive: true });
    if (this.#madeBooted) await Deno.remove(BOOTED).catch(() => {});
  }
}

function loginEnvironment(home: string): Record<string, string> {
  const runtime = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  return {
    HOME: home,
    USER: "test",
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    LC_ALL: "C.UTF-8",
    NO_COLOR: "1",
    XDG_RUNTIME_DIR: `${home}/run`,
    XDG_CONFIG_HOME: `${home}/.config`,
    // Packages are not downloaded again for this home.
    DENO_DIR: runtime,
  };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
