/** The agent on macOS: a LaunchAgent of the user. launchctl is documented by launchctl(1) only. */
import { dirname } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import {
  type Agent,
  AgentError,
  type AgentFile,
  type AgentProgram,
  type AgentState,
  type Installed,
  type InstallOptions,
} from "./agent.ts";
import {
  ALREADY_LOADED,
  IN_PROGRESS,
  INPUT_OUTPUT,
  launchctlAdvice,
  NO_SUCH_DOMAIN,
  NO_SUCH_PROCESS,
  NOT_FOUND,
} from "./launchctl_advice.ts";
import { MissingToolError, runTool, type ToolResult } from "../system/run_tool.ts";
import { readIfThere, removeIfThere, writeIfChanged } from "./write_file.ts";

const LABEL = "cloudmount";
const CALL_MS = 30_000;
/** The plist's ExitTimeOut, and a little more: `bootout` returns before the daemon has ended. */
const GONE_MS = 70_000;
const POLL_MS = 500;
/** After the catch-all error of `bootstrap` a second attempt is worth it. */
const SECOND_ATTEMPT_MS = 1000;

export interface LaunchdOptions {
  /** `~/Library/LaunchAgents` */
  readonly directory: string;
  /** The text of launchd/cloudmount.plist. */
  readonly template: string;
  readonly uid: number;
  /** See `LaunchdPlaces`. */
  readonly outputPath: string;
  readonly clock?: Clock;
}

export class LaunchdAgent implements Agent {
  readonly #options: LaunchdOptions;
  readonly #clock: Clock;

  constructor(options: LaunchdOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  get #path(): string {
    return `${this.#options.directory}/${LABEL}.plist`;
  }

  /** With a graphical login the first is there; over ssh only the second. */
  get #domains(): readonly string[] {
    return [`gui/${this.#options.uid}`, `user/${this.#options.uid}`];
  }

  async describe(program: AgentProgram): Promise<AgentFile> {
    // Loaded here: no other command needs an XML parser.
    const { launchdPlist } = await import("./launchd_plist.ts");
    const { template, outputPath } = this.#options;
    return {
      path: this.#path,
      text: launchdPlist(template, program, { label: LABEL, outputPath }),
    };
  }

  async install(
    program: AgentProgram,
    { start }: InstallOptions,
    signal: AbortSignal,
  ): Promise<Installed> {
    const { path, text } = await this.describe(program);
    const { running } = await this.state(signal);
    await Deno.mkdir(dirname(this.#options.outputPath), { recursive: true, mode: 0o700 });
    const changed = await writeIfChanged(path, text);
    await this.#check(signal);
    if (!start) return { path, changed, daemon: "left" };
    if (running && !changed) return { path, changed, daemon: "unchanged" };
    await this.#startAnew(signal);
    return { path, changed, daemon: running ? "restarted" : "started" };
  }

  async serves(configPath: string): Promise<boolean> {
    const text = await readIfThere(this.#path);
    if (text === undefined) return false;
    const { runsConfig } = await import("./launchd_plist.ts");
    return runsConfig(text, configPath);
  }

  async start(signal: AbortSignal): Promise<void> {
    const { running } = await this.state(signal);
    if (!running) await this.#startAnew(signal);
  }

  async uninstall(signal: AbortSignal): Promise<boolean> {
    const wasLoaded = await this.#unload(signal);
    const wasThere = await removeIfThere(this.#path);
    return wasLoaded || wasThere;
  }

  async state(signal: AbortSignal): Promise<AgentState> {
    const installed = await readIfThere(this.#path) !== undefined;
    const printed = await this.#print(signal);
    const pid = /^\s*pid = (\d+)$/m.exec(printed ?? "")?.[1];
    return {
      path: this.#path,
      installed,
      enabled: installed,
      running: pid !== undefined,
      pid: pid === undefined ? null : Number(pid),
    };
  }

  async missingVariables(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const missing: string[] = [];
    for (const name of names) {
      const { code, stdout } = await this.#launchctl(["getenv", name], signal);
      if (code !== 0 || stdout.trim() === "") missing.push(name);
    }
    return missing;
  }

  /** Of a file that it does not understand launchd says an input/output error; plutil says why. */
  async #check(signal: AbortSignal): Promise<void> {
    try {
      const result = await runTool("plutil", ["-lint", this.#path], CALL_MS, signal);
      if (result.code === 0) return;
      throw new AgentError(
        `Cannot install the agent: the file is damaged: ${(result.stderr || result.stdout).trim()}`,
        `See: plutil -lint "${this.#path}"`,
      );
    } catch (error) {
      if (!(error instanceof MissingToolError)) throw error;
    }
  }

  async #startAnew(signal: AbortSignal): Promise<void> {
    await this.#unload(signal);
    const domain = await this.#load(signal);
    // RunAtLoad has started it already, unless launchd waits after a crash.
    await this.#must(["kickstart", `${domain}/${LABEL}`], signal);
  }

  /** Returns the domain that has it now. */
  async #load(signal: AbortSignal): Promise<string> {
    let last: { readonly args: readonly string[]; readonly result: ToolResult } | undefined;
    for (const domain of this.#domains) {
      // A service that was switched off by "launchctl disable" would not be loaded.
      await this.#launchctl(["enable", `${domain}/${LABEL}`], signal);
      const args = ["bootstrap", domain, this.#path];
      let result = await this.#launchctl(args, signal);
      if (result.code === INPUT_OUTPUT) {
        await this.#clock.sleep(SECOND_ATTEMPT_MS, signal);
        result = await this.#launchctl(args, signal);
      }
      if (result.code === 0 || result.code === ALREADY_LOADED) return domain;
      last = { args, result };
      if (!NO_SUCH_DOMAIN.includes(result.code)) break;
    }
    throw this.#error(last!.args, last!.result);
  }

  /** Ends and forgets it in every domain; true when one had it. */
  async #unload(signal: AbortSignal): Promise<boolean> {
    let found = false;
    for (const domain of this.#domains) {
      const service = `${domain}/${LABEL}`;
      if ((await this.#launchctl(["print", service], signal)).code !== 0) continue;
      found = true;
      const args = ["bootout", service];
      const result = await this.#launchctl(args, signal);
      if (![0, NO_SUCH_PROCESS, IN_PROGRESS, NOT_FOUND].includes(result.code)) {
        throw this.#error(args, result);
      }
      await this.#gone(service, signal);
    }
    return found;
  }

  async #gone(service: string, signal: AbortSignal): Promise<void> {
    const startMs = this.#clock.monotonicMs();
    while ((await this.#launchctl(["print", service], signal)).code === 0) {
      if (this.#clock.monotonicMs() - startMs > GONE_MS) {
        throw new AgentError(
          `Cannot stop the agent: launchd still has it after ${GONE_MS / 1000} s`,
          `See: launchctl print ${service}`,
        );
      }
      await this.#clock.sleep(POLL_MS, signal);
    }
  }

  /** What launchctl tells of the service; undefined when no domain has it. */
  async #print(signal: AbortSignal): Promise<string | undefined> {
    for (const domain of this.#domains) {
      const { code, stdout } = await this.#launchctl(["print", `${domain}/${LABEL}`], signal);
      if (code === 0) return stdout;
    }
    return undefined;
  }

  async #must(args: readonly string[], signal: AbortSignal): Promise<void> {
    const result = await this.#launchctl(args, signal);
    if (result.code !== 0) throw this.#error(args, result);
  }

  #error(args: readonly string[], { code, stderr }: ToolResult): AgentError {
    return new AgentError(
      `Cannot run "launchctl ${args.join(" ")}": ${stderr || "no reason given"} (${code})`,
      launchctlAdvice(code, this.#path),
    );
  }

  async #launchctl(args: readonly string[], signal: AbortSignal): Promise<ToolResult> {
    try {
      return await runTool("launchctl", args, CALL_MS, signal);
    } catch (error) {
      if (!(error instanceof MissingToolError)) throw error;
      throw new AgentError("Cannot use launchd: launchctl is not installed", "", error);
    }
  }
}
