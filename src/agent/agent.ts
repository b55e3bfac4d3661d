/** The system's service manager as far as Cloudmount uses it: it starts the daemon at login and keeps it running. */

/** What the agent runs. */
export interface AgentProgram {
  /** The daemon's command line; the first word is an absolute path. */
  readonly command: readonly string[];
  /** Another value stands for another build of the program: a running daemon is then replaced. */
  readonly build: string;
  /** Variables of the daemon besides those that the service manager gives it. No secrets: the file is readable. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The file that describes the agent. */
export interface AgentFile {
  readonly path: string;
  readonly text: string;
}

export interface InstallOptions {
  /** Also start the daemon, or start it anew if its description has changed. */
  readonly start: boolean;
  /**
   * Has a daemon that runs be followed by one that goes on with its mounts, by the new description; false
   * when that cannot be.
   */
  readonly succeed?: () => Promise<boolean>;
}

export interface Installed {
  readonly path: string;
  /** Whether the file was written: it was missing or different. */
  readonly changed: boolean;
  /** What became of the daemon; "left": `start` was not asked for. */
  readonly daemon: "started" | "restarted" | "unchanged" | "left";
}

export interface AgentState {
  readonly path: string;
  /** Whether the file is there. */
  readonly installed: boolean;
  /** Started at login. */
  readonly enabled: boolean;
  readonly running: boolean;
  /** Of the running daemon. */
  readonly pid: number | null;
}

/** Methods throw `AgentError`, or the signal's reason. */
export interface Agent {
  /** What `install` would write. Changes nothing. */
  describe(program: AgentProgram, signal: AbortSignal): Promise<AgentFile>;
  install(
    program: AgentProgram,
    options: InstallOptions,
    signal: AbortSignal,
  ): Promise<Installed>;
  /** Whether it is installed for this config file. Asks no service manager. */
  serves(configPath: string): Promise<boolean>;
  /** Starts the daemon unless it runs. It must be installed. */
  start(signal: AbortSignal): Promise<void>;
  /** Stops the daemon in order and removes every trace; false when there was none. */
  uninstall(signal: AbortSignal): Promise<boolean>;
  state(signal: AbortSignal): Promise<AgentState>;
  /** Those of `names` that a daemon started by the agent would not have. */
  missingVariables(names: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
}

/** The service manager refuses, or is not there. `message` begins with the action; `hint` is what to do. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly hint: string;

  constructor(message: string, hint: string, cause?: unknown) {
    super(message, { cause });
    this.hint = hint;
  }
}
