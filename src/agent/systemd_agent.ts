/** The agent on Linux: a unit of the user's own systemd manager. */
import {
  type Agent,
  AgentError,
  type AgentFile,
  type AgentProgram,
  type AgentState,
  type Installed,
  type InstallOptions,
} from "./agent.ts";
import { runsConfig, systemdUnit } from "./systemd_unit.ts";
import { MissingToolError, runTool, type ToolResult } from "../system/run_tool.ts";
import { readIfThere, removeIfThere, writeIfChanged } from "./write_file.ts";

const UNIT = "cloudmount.service";
const QUERY_MS = 15_000;
/** A start lasts until each folder is there or has failed (the unit's TimeoutStartSec, and more). */
const START_MS = 120_000;
/** A stop finishes uploads (see DRAIN_MS in src/daemon/daemon.ts) and unmounts. */
const STOP_MS = 180_000;

const NO_MANAGER = "Cannot reach systemd's manager of this user's services";

/** What `systemctl show` tells of a unit. */
const PROPERTIES = [
  "LoadState",
  "LoadError",
  "ActiveState",
  "MainPID",
  "UnitFileState",
  "Result",
  "ExecMainStatus",
] as const;
type Properties = Readonly<Record<typeof PROPERTIES[number], string>>;

export interface SystemdOptions {
  /** Where the user's own units lie: `~/.config/systemd/user`. */
  readonly unitDirectory: string;
  /** The text of systemd/cloudmount.service. */
  readonly template: string;
  readonly uid: number;
  /** `XDG_RUNTIME_DIR`; by it the manager is found. */
  readonly runtimeDir: string | undefined;
}

export class SystemdAgent implements Agent {
  readonly #options: SystemdOptions;

  constructor(options: SystemdOptions) {
    this.#options = options;
  }

  get #path(): string {
    return `${this.#options.unitDirectory}/${UNIT}`;
  }

  async describe(program: AgentProgram, signal: AbortSignal): Promise<AgentFile> {
    // Shown also where there is no manager.
    const version = await this.#manager(signal).then(({ version }) => version, () => undefined);
    signal.throwIfAborted();
    return { path: this.#path, text: systemdUnit(this.#options.template, program, version) };
  }

  async install(
    program: AgentProgram,
    { start, succeed }: InstallOptions,
    signal: AbortSignal,
  ): Promise<Installed> {
    const { version, unitPath } = await this.#manager(signal);
    if (!unitPath.includes(this.#options.unitDirectory)) {
      throw new AgentError(
        `Cannot install the agent: systemd does not look for units in "${this.#options.unitDirectory}"`,
        "XDG_CONFIG_HOME is another one here than for systemd; set it as there, or log in anew",
      );
    }
    const text = systemdUnit(this.#options.template, program, version);
    const changed = await writeIfChanged(this.#path, text);
    await this.#must(["daemon-reload"], QUERY_MS, signal);
    const { LoadState, LoadError, ActiveState } = await this.#show(signal);
    if (LoadState !== "loaded") {
      throw new AgentError(
        `Cannot install the agent: systemd does not accept "${this.#path}": ${LoadState} ${LoadError}`,
        `See: systemd-analyze --user verify ${UNIT}`,
      );
    }
    await this.#must(["enable", "--quiet", UNIT], QUERY_MS, signal);
    const daemon = start ? await this.#start(changed, ActiveState, signal, succeed) : "left";
    return { path: this.#path, changed, daemon };
  }

  async serves(configPath: string): Promise<boolean> {
    return runsConfig(await readIfThere(this.#path) ?? "", configPath);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { ActiveState } = await this.#show(signal);
    await this.#start(false, ActiveState, signal);
  }

  async uninstall(signal: AbortSignal): Promise<boolean> {
    const { LoadState } = await this.#show(signal);
    if (LoadState === "not-found" && await readIfThere(this.#path) === undefined) return false;
    await this.#must(["disable", "--now", "--quiet", UNIT], STOP_MS, signal);
    await removeIfThere(this.#path);
    await this.#must(["daemon-reload"], QUERY_MS, signal);
    // Fails when systemd has forgotten it already, which is what is wanted.
    await this.#systemctl(["reset-failed", UNIT], QUERY_MS, signal);
    return true;
  }

  async state(signal: AbortSignal): Promise<AgentState> {
    const installed = await readIfThere(this.#path) !== undefined;
    const { ActiveState, MainPID, UnitFileState } = await this.#show(signal);
    const pid = Number(MainPID);
    return {
      path: this.#path,
      installed,
      enabled: UnitFileState === "enabled",
      running: ActiveState === "active",
      pid: pid > 0 ? pid : null,
    };
  }

  async missingVariables(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { stdout } = await this.#must(["show-environment"], QUERY_MS, signal);
    const known = new Set(stdout.split("\n").map((line) => line.split("=", 1)[0]));
    return names.filter((name) => !known.has(name));
  }

  async #start(
    changed: boolean,
    state: string,
    signal: AbortSignal,
    succeed?: InstallOptions["succeed"],
  ): Promise<Installed["daemon"]> {
    const runs = ["active", "reloading"].includes(state);
    if (runs && !changed) return "unchanged";
    if (runs && await succeed?.() === true) return "restarted";
    // One that failed too often would not be started for a while.
    if (state === "failed") await this.#must(["reset-failed", UNIT], QUERY_MS, signal);
    const verb = runs ? "restart" : "start";
    const { code, stderr } = await this.#systemctl([verb, UNIT], START_MS + STOP_MS, signal);
    if (code !== 0) {
      const { Result, ExecMainStatus } = await this.#show(signal);
      const how = Result === "exit-code" ? `it ended with code ${ExecMainStatus}` : Result;
      throw new AgentError(
        `Cannot ${verb} the agent: ${how === "success" ? stderr : how}`,
        `See: journalctl --user -u ${UNIT} -n 20`,
      );
    }
    return runs ? "restarted" : "started";
  }

  async #manager(
    signal: AbortSignal,
  ): Promise<{ readonly version: number | undefined; readonly unitPath: readonly string[] }> {
    const args = ["show", "--property=Version,UnitPath"];
    const found = parseProperties((await this.#must(args, QUERY_MS, signal)).stdout);
    const version = parseInt(found["Version"] ?? "", 10);
    return {
      version: Number.isNaN(version) ? undefined : version,
      unitPath: (found["UnitPath"] ?? "").split(" "),
    };
  }

  async #show(signal: AbortSignal): Promise<Properties> {
    const args = ["show", `--property=${PROPERTIES.join(",")}`, UNIT];
    const found = parseProperties((await this.#must(args, QUERY_MS, signal)).stdout);
    const properties = PROPERTIES.map((name) => [name, found[name] ?? ""]);
    return Object.fromEntries(properties) as Record<typeof PROPERTIES[number], string>;
  }

  /** Throws an `AgentError` when it fails; one that says what to do when there is no manager. */
  async #must(
    args: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ToolResult> {
    const result = await this.#systemctl(args, timeoutMs, signal);
    if (result.code === 0) return result;
    if (
      /Failed to connect to (the )?(user scope )?bus|DBUS_SESSION_BUS_ADDRESS/i.test(result.stderr)
    ) {
      const { uid, runtimeDir } = this.#options;
      throw new AgentError(`${NO_MANAGER}: ${result.stderr}`, noManagerHint(uid, runtimeDir));
    }
    const line = `systemctl --user ${args.join(" ")}`;
    throw new AgentError(`Cannot run "${line}": ${result.stderr}`, `Try it by hand: ${line}`);
  }

  async #systemctl(
    args: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<ToolResult> {
    try {
      return await runTool("systemctl", ["--user", "--no-pager", ...args], timeoutMs, signal);
    } catch (error) {
      if (!(error instanceof MissingToolError)) throw error;
      throw new AgentError(
        `${NO_MANAGER}: systemctl is not installed`,
        'This system does not run systemd: have "cloudmount run" started by what it has instead',
        error,
      );
    }
  }
}

/** Why systemctl may find no manager, and what to do. */
function noManagerHint(uid: number, runtimeDir: string | undefined): string {
  if (runtimeDir === undefined) {
    return "XDG_RUNTIME_DIR is not set, as after su or sudo: log in as this user (over ssh, at the " +
      `console, or by: machinectl shell ${uid}@), or if the user is logged in: export XDG_RUNTIME_DIR=/run/user/${uid}`;
  }
  return `None runs for this user (${uid}). Start it, now and at boot, with: sudo loginctl ` +
    `enable-linger ${uid}. On Debian and Ubuntu it needs the package dbus-user-session`;
}

/** Lines of "Name=value". */
function parseProperties(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}
