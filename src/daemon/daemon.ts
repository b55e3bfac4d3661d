/** The life of a daemon, from its lock to its end. */
import { join } from "node:path";
import { logger } from "../base/log.ts";
import { lostAndFoundDirectory } from "../config/paths.ts";
import type { Config } from "../config/types.ts";
import type { StatusDocument } from "../control/protocol.ts";
import { type ControlServer, startControlServer } from "../control/server.ts";
import type { MountBackend } from "../wiring/mount_backend.ts";
import { acquireInstanceLock } from "./instance_lock.ts";
import { startLogging, stopLogging } from "./logging.ts";
import { ServiceManager, type ServiceManagerAddress } from "./service_manager.ts";
import type { EndSignals } from "./signals.ts";
import { Supervisor } from "./supervisor.ts";

const log = logger("daemon");

/**
 * An ending daemon waits this long for uploads; what is pending then stays in the journal. A system that
 * shuts down soon kills who waits longer.
 */
const DRAIN_MS = 20_000;

export interface DaemonOptions {
  readonly config: Config;
  readonly version: string;
  /** Made once the lock is held. */
  readonly createBackend: (config: Config) => MountBackend | Promise<MountBackend>;
  /** Reads the config file again. */
  readonly readConfig: () => Promise<Config>;
  readonly signals: EndSignals;
  /** Waits for news of this process; undefined: nobody does. */
  readonly serviceManager: ServiceManagerAddress | undefined;
  /** Gets log lines as text, if a person watches. */
  readonly writeText: ((text: string) => void) | undefined;
  /** Called once, when every mount is up or has failed; the control API answers long before. */
  readonly onReady: (status: StatusDocument) => void;
}

/**
 * Runs until a signal or a `shutdown` over the control API ends it; then everything is unmounted.
 * Throws when it cannot start, for example `AlreadyRunningError`.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { config } = options;
  const { stateDir } = config.daemon;
  await Deno.mkdir(join(stateDir, "logs"), { recursive: true, mode: 0o700 });
  await Deno.mkdir(lostAndFoundDirectory(stateDir), { recursive: true, mode: 0o700 });
  await Deno.chmod(stateDir, 0o700);
  const lock = await acquireInstanceLock(stateDir);
  try {
    await startLogging(stateDir, config.daemon.logLevel, options.writeText);
    try {
      await serve(options);
    } catch (error) {
      log.fatal("The daemon cannot go on: {error}", { error });
      throw error;
    } finally {
      await stopLogging();
    }
  } finally {
    lock.release();
  }
}

async function serve(options: DaemonOptions) {
  const { config, version, createBackend, signals, onReady, serviceManager } = options;
  log.info("Starting version {version} with {path}", { version, path: config.path });
  const backend = await createBackend(config);
  for (const problem of backend.usage().problems) log.warn("{problem}", { problem });
  const supervisor = new Supervisor(config, backend, version);
  const manager = serviceManager === undefined ? undefined : new ServiceManager(serviceManager);
  manager?.watch(supervisor);
  if (manager !== undefined) signals.onHangup = () => void checkConfig(options, manager);
  let ending = false;
  // Before anybody can ask: `cloudmount start` takes mounts that do not start for those that never will.
  const started = supervisor.startAll();
  let ready: Promise<void> | undefined;
  let control: ControlServer | undefined;
  try {
    control = await startControlServer(supervisor, config.daemon.socket);
    ready = started.then(() => {
      if (ending) return;
      onReady(supervisor.status());
      manager?.ready();
    });
    await Promise.race([supervisor.stopped, aborted(signals.end)]);
    log.info("Stopping");
  } finally {
    ending = true;
    manager?.stopping();
    await supervisor.end(DRAIN_MS, signals.hurry);
    await Promise.all([started, ready]);
    await control?.close();
    await manager?.close();
    log.info("Stopped");
  }
}

/** What a reload by the service manager does so far: it tells what the config file would do. Never rejects. */
async function checkConfig({ config, readConfig }: DaemonOptions, manager: ServiceManager) {
  manager.reloading();
  try {
    const changed = JSON.stringify(await readConfig()) !== JSON.stringify(config);
    if (changed) log.warn("{path} has changed: the next start goes by it", { path: config.path });
    else log.info("{path} has not changed", { path: config.path });
  } catch (error) {
    log.error("Cannot use the config file; the daemon goes on as it is: {error}", { error });
  }
  manager.ready();
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}
