/** The daemon as a process of its own: how it is started, waited for, and known to be gone. */
import { dirname, join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { ifThere } from "../base/if_there.ts";
import type { Config } from "../config/types.ts";
import { ControlClient, NoDaemonError } from "../control/client.ts";
import type { StatusDocument } from "../control/protocol.ts";
import { acquireInstanceLock, AlreadyRunningError } from "../daemon/instance_lock.ts";
import { logPath } from "../daemon/logging.ts";
import { CommandError } from "./command_error.ts";
import { DAEMON_VARIABLES, programCommand } from "./program_command.ts";
import { CRASHES_MAX } from "./supervise.ts";

/** From the spawn to the first answer; a machine that is busy or cold may need seconds. */
const ANSWER_MS = 30_000;
/** From the first answer until no mount is starting any more. */
const SETTLE_MS = 15_000;
/** From the answer to a shutdown to the end of the process. */
const GONE_MS = 30_000;
const POLL_MS = 25;

/** A daemon process that was started. */
export interface DaemonProcess {
  readonly pid: number;
  /** Its exit code. */
  readonly exited: Promise<number>;
  /** Does nothing when it has ended. */
  kill(signal: Deno.Signal): void;
}

/**
 * Starts `cloudmount run` with this program's own executable, in a session of its own, so that it
 * outlives the terminal; `env` is added to the environment. `isHeld`: by a process that keeps the mounts
 * and starts it again when it crashes; that one is what is returned. What the process writes outside its log goes
 * to `logs/start.log`.
 */
export async function spawnDaemon(
  config: Config,
  env: Readonly<Record<string, string>> = {},
  isHeld = false,
): Promise<DaemonProcess> {
  const logs = dirname(logPath(config.daemon.stateDir));
  await Deno.mkdir(logs, { recursive: true, mode: 0o700 });
  const child = new Deno.Command("/bin/sh", {
    // The shell only redirects; exec keeps the pid.
    args: [
      "-c",
      'umask 077; log=$1; shift; exec "$@" >"$log" 2>&1',
      "sh",
      startLogPath(config),
      ...programCommand(),
      ...(isHeld ? ["supervise", holderLock(config), String(CRASHES_MAX)] : []),
      "run",
      "--config",
      config.path,
    ],
    // Not to keep the file system of the caller's directory busy.
    cwd: "/",
    env: { ...DAEMON_VARIABLES, ...env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  return {
    pid: child.pid,
    exited: child.status.then(({ code }) => code),
    kill: (signal) => {
      try {
        child.kill(signal);
      } catch (error) {
        // Deno says TypeError of a child that has been waited for.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}

/**
 * Waits until the daemon answers and each of its mounts is up or has failed (or that takes unusually
 * long). Throws a `CommandError` with the end of its log when it died, or when it does not answer.
 */
export async function waitForDaemon(
  config: Config,
  daemon: Pick<DaemonProcess, "exited">,
  signal: AbortSignal,
): Promise<StatusDocument> {
  let exitCode: number | undefined;
  void daemon.exited.then((code) => exitCode = code);
  using client = new ControlClient(config.daemon.socket);
  const started = systemClock.monotonicMs();
  let answered: number | undefined;
  while (true) {
    const status = await statusIfAny(client, signal);
    const now = systemClock.monotonicMs();
    if (status !== undefined) {
      answered ??= now;
      const starting = status.mounts.some(({ state }) => state === "starting");
      if (!starting || now - answered > SETTLE_MS) return status;
    } else if (exitCode !== undefined || now - started > ANSWER_MS) {
      const what = exitCode === undefined
        ? `it does not answer after ${ANSWER_MS / 1000} s`
        : `it ended with code ${exitCode}`;
      throw new CommandError(`Cannot start the daemon: ${what}\n${await lastWords(config)}`, {
        hint: `The whole log: ${logPath(config.daemon.stateDir)}`,
      });
    }
    await systemClock.sleep(POLL_MS, signal);
  }
}

/**
 * Waits until another daemon than the one with this pid answers, whose mounts are there or have failed;
 * undefined when none does.
 */
export async function waitForSuccessor(
  config: Config,
  pid: number,
  signal: AbortSignal,
): Promise<StatusDocument | undefined> {
  using client = new ControlClient(config.daemon.socket);
  const started = systemClock.monotonicMs();
  for (;;) {
    const status = await statusIfAny(client, signal);
    const waitedMs = systemClock.monotonicMs() - started;
    const isStarting = status?.mounts.some(({ state }) => state === "starting") === true;
    if (status !== undefined && status.pid !== pid && (!isStarting || waitedMs > SETTLE_MS)) {
      return status;
    }
    if (waitedMs > ANSWER_MS) return undefined;
    await systemClock.sleep(POLL_MS, signal);
  }
}

/** Waits until no process holds the state directory any more. */
export async function waitUntilGone(config: Config, signal: AbortSignal): Promise<void> {
  const started = systemClock.monotonicMs();
  while (true) {
    try {
      const lock = await acquireInstanceLock(config.daemon.stateDir);
      lock.release();
      return;
    } catch (error) {
      if (!(error instanceof AlreadyRunningError)) throw error;
      if (systemClock.monotonicMs() - started > GONE_MS) {
        throw new CommandError(
          `Cannot stop the daemon: process ${error.pid ?? "?"} is still there after ${
            GONE_MS / 1000
          } s`,
          { hint: "End it with: kill -9 PID. The next start cleans up" },
        );
      }
      await systemClock.sleep(POLL_MS, signal);
    }
  }
}

/** The status, or undefined when no daemon answers. */
export async function statusIfAny(
  client: ControlClient,
  signal: AbortSignal,
): Promise<StatusDocument | undefined> {
  try {
    return await client.status(signal);
  } catch (error) {
    if (error instanceof NoDaemonError) return undefined;
    throw error;
  }
}

/** Held by who holds the daemon's mounts. */
function holderLock(config: Config): string {
  return join(config.daemon.stateDir, "holder.lock");
}

function startLogPath(config: Config): string {
  return join(dirname(logPath(config.daemon.stateDir)), "start.log");
}

/** What the process said outside its log, and its last log lines. */
async function lastWords(config: Config): Promise<string> {
  const said = await tail(startLogPath(config), 20);
  const logged = said.length > 0 ? [] : await tail(logPath(config.daemon.stateDir), 5);
  return [...said, ...logged].map((line) => `  ${line}`).join("\n");
}

async function tail(path: string, count: number): Promise<string[]> {
  const text = await ifThere(Deno.readTextFile(path)) ?? "";
  return text.trimEnd().split("\n").slice(-count).filter((line) => line !== "");
}
