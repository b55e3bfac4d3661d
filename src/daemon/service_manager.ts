/**
 * What the daemon tells the service manager that has started it, by sd_notify(3): that its mounts are
 * there, how it is, and, as long as it is alive, a sign of life. Without news a unit of `Type=notify`
 * counts as starting, and with `WatchdogSec` is killed and started anew when the signs of life stop.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { logger } from "../base/log.ts";
import type { StatusDocument } from "../control/protocol.ts";
import { sendDatagram } from "../ffi/datagram.ts";
import { statusLine } from "./status_line.ts";

const log = logger("daemon", "service");

const LOOK_MS = 5_000;
/** While the daemon ends in order, the manager's patience is renewed at each look. */
const MORE_TIME_US = 30_000_000;
/** Far more than any end takes; after this a hung daemon is killed. */
const ENDING_MS_MAX = 120_000;

/** How to reach a service manager. */
export interface ServiceManagerAddress {
  /** Path, or "@name" in the abstract namespace. */
  readonly socket: string;
  /** Without a sign of life for so long the daemon is killed; absent: never. */
  readonly watchdogMs?: number;
}

/** What the manager is told about; `Supervisor` is one. */
export interface ServiceSource {
  status(): StatusDocument;
  /** Names of mounts that do not answer. */
  stuck(): readonly string[];
}

/**
 * The manager that waits for news of this process, by the variables it has set (sd_notify(3),
 * sd_watchdog_enabled(3)); undefined when there is none.
 */
export function findServiceManager(
  variable: (name: string) => string | undefined,
  pid: number,
): ServiceManagerAddress | undefined {
  const socket = variable("NOTIFY_SOCKET");
  // Of a virtual machine's host ("vsock:") only the system's own manager takes news.
  if (socket === undefined || !/^[/@]./.test(socket)) return undefined;
  const watchdogMs = Number(variable("WATCHDOG_USEC")) / 1000;
  const watched = variable("WATCHDOG_PID") ?? String(pid);
  return watchdogMs > 0 && watched === String(pid) ? { socket, watchdogMs } : { socket };
}

export interface ServiceManagerOptions {
  readonly clock?: Clock;
  readonly send?: (address: string, text: string) => void;
}

/** Tells it, from `watch` to `close`. What cannot be sent is sent again with the next look. */
export class ServiceManager {
  readonly #address: ServiceManagerAddress;
  readonly #clock: Clock;
  readonly #send: (address: string, text: string) => void;
  readonly #end = new AbortController();
  #source: ServiceSource | undefined;
  #looking: Promise<void> = Promise.resolve();
  /** What is not told yet of where the daemon stands: "READY=1" or another one like it. */
  #news: string | undefined;
  #told = "";
  #stoppingSinceMs: number | undefined;
  #wasStuck = false;
  #failed = false;

  constructor(address: ServiceManagerAddress, options: ServiceManagerOptions = {}) {
    this.#address = address;
    this.#clock = options.clock ?? systemClock;
    this.#send = options.send ?? sendDatagram;
  }

  /** Begins to tell how the daemon is. */
  watch(source: ServiceSource): void {
    this.#source = source;
    this.#looking = this.#look();
  }

  /** Every mount is up or has failed; or a reload is over. */
  ready(): void {
    this.#tell("READY=1");
  }

  /** The config is read again; `ready` ends that. */
  reloading(): void {
    this.#tell("RELOADING=1");
  }

  /** The daemon ends: from here on it asks for the time that takes. */
  stopping(): void {
    this.#stoppingSinceMs = this.#clock.monotonicMs();
    this.#tell("STOPPING=1");
  }

  async close(): Promise<void> {
    this.#end.abort(new Error("closed"));
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { watchdogMs = Infinity } = this.#address;
    const pauseMs = Math.min(LOOK_MS, watchdogMs / 2);
    while (!this.#end.signal.aborted) {
      this.#report();
      await this.#clock.sleep(pauseMs, this.#end.signal).catch(() => {});
    }
  }

  #tell(news: string): void {
    this.#news = news;
    this.#report();
  }

  /** One message with all that is new. */
  #report(): void {
    const status = this.#statusText();
    const lines = [
      ...(this.#news === undefined ? [] : [this.#news]),
      ...(status === this.#told ? [] : [`STATUS=${status}`]),
      ...(this.#needsTime() ? [`EXTEND_TIMEOUT_USEC=${MORE_TIME_US}`] : []),
      ...(this.#address.watchdogMs !== undefined && this.#isAlive() ? ["WATCHDOG=1"] : []),
    ];
    if (lines.length === 0) return;
    try {
      this.#send(this.#address.socket, lines.join("\n"));
      this.#news = undefined;
      this.#told = status;
      this.#failed = false;
    } catch (error) {
      if (!this.#failed) log.warn("Cannot tell the service manager: {error}", { error });
      this.#failed = true;
    }
  }

  #statusText(): string {
    if (this.#source === undefined) return "";
    const line = statusLine(this.#source.status());
    return this.#stoppingSinceMs === undefined ? line : `Stopping: ${line}`;
  }

  #needsTime(): boolean {
    const sinceMs = this.#stoppingSinceMs;
    return sinceMs !== undefined && this.#clock.monotonicMs() - sinceMs < ENDING_MS_MAX;
  }

  /** That this runs shows that the event loop does. */
  #isAlive(): boolean {
    const stuck = this.#source?.stuck() ?? [];
    if (stuck.length > 0 && !this.#wasStuck) {
      log.error(
        "{mounts} does not answer any more: the service manager will start the daemon anew",
        {
          mounts: stuck.join(", "),
        },
      );
    }
    this.#wasStuck = stuck.length > 0;
    return !this.#wasStuck;
  }
}
