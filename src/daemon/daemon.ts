/** The life of a daemon, from its lock to its end. */
import { dirname } from "node:path";
import { systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import { lostAndFoundDirectory } from "../config/paths.ts";
import type { ConfigFile, ConfigText } from "../config/config_file.ts";
import type { Config } from "../config/types.ts";
import { ProblemError, type StatusDocument } from "../control/protocol.ts";
import { type ControlServer, startControlServer } from "../control/server.ts";
import { effectiveUid } from "../ffi/identity.ts";
import { cutStrangers } from "../ffi/socket_peers.ts";
import type { MountBackend } from "../wiring/mount_backend.ts";
import { watchConfigFile } from "./config_watch.ts";
import { acquireInstanceLock } from "./instance_lock.ts";
import { logPath } from "./logging.ts";
import { DaemonLog } from "./daemon_log.ts";
import { ServiceManager, type ServiceManagerAddress } from "./service_manager.ts";
import { Settings } from "./settings.ts";
import type { EndSignals } from "./signals.ts";
import { Supervisor } from "./supervisor.ts";
import { exportMetrics } from "./telemetry.ts";

const log = logger("daemon");

/** May do everything anyway. */
const ROOT = 0;

/**
 * An ending daemon waits this long for uploads; what is pending then stays in the journal. A system that
 * shuts down soon kills who waits longer.
 */
const DRAIN_MS = 20_000;

export interface DaemonOptions {
  readonly configFile: ConfigFile;
  /** What the file said when it was read. */
  readonly loaded: ConfigText;
  readonly version: string;
  /** Made once the lock is held. */
  readonly createBackend: (config: Config) => MountBackend | Promise<MountBackend>;
  readonly signals: EndSignals;
  /** Waits for news of this process; undefined: nobody does. */
  readonly serviceManager: ServiceManagerAddress | undefined;
  /** Gets log lines as text, if a person watches. */
  readonly writeText: ((text: string) => void) | undefined;
  /** The environment sets Deno's OpenTelemetry exporter up. */
  readonly hasTelemetry: boolean;
  /** Why nothing is to be mounted now: see holder.ts. */
  readonly crashed: string | undefined;
  /** Called once, when every mount is up or has failed; the control API answers long before. */
  readonly onReady: (status: StatusDocument) => void;
}

/**
 * Runs until a signal or a `shutdown` over the control API ends it; then everything is unmounted. After a
 * `restart` nothing is: the process must end at once, and another one goes on. Throws when it cannot
 * start, for example `AlreadyRunningError`.
 */
export async function runDaemon(options: DaemonOptions): Promise<"end" | "restart"> {
  const { config } = options.loaded;
  const { stateDir } = config.daemon;
  await Deno.mkdir(dirname(logPath(stateDir)), { recursive: true, mode: 0o700 });
  await Deno.mkdir(lostAndFoundDirectory(stateDir), { recursive: true, mode: 0o700 });
  await Deno.chmod(stateDir, 0o700);
  const lock = await acquireInstanceLock(stateDir);
  try {
    const daemonLog = new DaemonLog({
      stateDir,
      version: options.version,
      writeText: options.writeText,
    });
    await daemonLog.goBy(config.daemon);
    try {
      return await serve(options, daemonLog);
    } catch (error) {
      log.fatal("The daemon cannot go on: {error}", { error });
      throw error;
    } finally {
      await daemonLog.close();
    }
  } finally {
    lock.release();
  }
}

async function serve(options: DaemonOptions, daemonLog: DaemonLog): Promise<"end" | "restart"> {
  const { loaded: { config }, version, createBackend, signals, onReady, serviceManager } = options;
  log.info("Starting version {version} with {path}", { version, path: config.path });
  const backend = await createBackend(config);
  for (const problem of backend.usage().problems) log.warn("{problem}", { problem });
  const supervisor = new Supervisor(config, backend, version);
  if (options.hasTelemetry) await exportMetrics(() => supervisor.status(), version);
  const manager = serviceManager === undefined ? undefined : new ServiceManager(serviceManager);
  manager?.watch(supervisor);
  const settings = new Settings({
    file: options.configFile,
    loaded: options.loaded,
    supervisor,
    onApplied: ({ daemon }) => daemonLog.goBy(daemon),
  });
  const admitted = [effectiveUid(), ROOT];
  const ended = new AbortController();
  // Where a terminal could close, its end is the daemon's.
  if (manager !== undefined || options.writeText === undefined) {
    signals.onHangup = () => void reload(settings, manager);
  }
  let ending = false;
  let isRestart = false;
  // Before anybody can ask: `cloudmount start` takes mounts that do not start for those that never will.
  const started = options.crashed === undefined
    ? supervisor.startAll()
    : supervisor.failAll(options.crashed);
  let ready: Promise<void> | undefined;
  let control: ControlServer | undefined;
  const watching = watchConfigFile(
    config.path,
    () => settings.reloadIfChanged(),
    systemClock,
    ended.signal,
  );
  try {
    control = await startControlServer(
      supervisor,
      settings,
      config.daemon.socket,
      // Elsewhere the modes of the socket and its directory have to do.
      Deno.build.os === "linux" ? () => cutStrangers(config.daemon.socket, admitted) : undefined,
    );
    ready = started.then(() => {
      if (ending) return;
      onReady(supervisor.status());
      manager?.ready();
    });
    isRestart = await Promise.race([
      supervisor.stopped.then(() => false),
      supervisor.restarting.then(() => true),
      aborted(signals.end).then(() => false),
    ]);
    log.info(isRestart ? "Ending, for the next process to go on" : "Stopping");
  } finally {
    ending = true;
    if (!isRestart) {
      ended.abort(new Error("the daemon is stopping"));
      manager?.stopping();
      await supervisor.end(DRAIN_MS, signals.hurry);
      await Promise.all([started, ready, watching]);
      await control?.close();
      await manager?.close();
      log.info("Stopped");
    }
  }
  return isRestart ? "restart" : "end";
}

/** By SIGHUP, as the service manager's reload sends it. Never rejects. */
async function reload(settings: Settings, manager: ServiceManager | undefined): Promise<void> {
  manager?.reloading();
  try {
    await settings.reload(new AbortController().signal);
  } catch (error) {
    // A file with errors was logged, and is in the status.
    if (!(error instanceof ProblemError)) log.error("Cannot reload: {error}", { error });
  }
  manager?.ready();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
